/* public_page: what of it all anybody may see, without a token: the page at /status, and badges.
 *
 * Thread: any; does not change once read.
 */
#ifndef PROVIDERD_CONFIG_PUBLIC_PAGE_H
#define PROVIDERD_CONFIG_PUBLIC_PAGE_H

#include <stdbool.h>

enum { PUBLIC_PROVIDERS_MAX = 100 };

struct public_page {
    bool on;
    char *title;
    char *note;       /* a line below it; NULL = none */
    char **providers; /* by name; "*" = all; ended by NULL */
    bool latency;     /* how fast they are is shown, too */
    bool incidents;   /* and when they were down */
};

#endif
