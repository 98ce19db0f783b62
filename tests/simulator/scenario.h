/* scenario: the simulated upstreams by name, what each of them does now, and the script that changes it over time.
 *
 * A script is lines of "at SECONDS NAME BEHAVIOUR" and at most one "repeat SECONDS"; "#" starts a comment. NAME "*" is
 * every upstream, those included that are met later. Seconds may have a fraction.
 * Thread: the simulator's only one. Upstreams live until stage_free(), so pointers to them stay good.
 */
#ifndef SIMULATOR_SCENARIO_H
#define SIMULATOR_SCENARIO_H

#include "behaviour.h"

enum {
    UPSTREAMS_MAX = 16384, /* a later name is answered 404 */
    UPSTREAM_NAME_MAX = 64,
    SCENARIO_ERROR_MAX = 512,
    TEACHING_ERROR_MAX = 256, /* of what is told to one upstream */
};

struct upstream {
    char name[UPSTREAM_NAME_MAX + 1];
    unsigned index; /* below UPSTREAMS_MAX */
    struct behaviour behaviour;
    uint64_t requests, connections, in_flight, max_in_flight;
    struct told_answer *answers;  /* told by tests: answers.h */
    struct told_figures *figures; /* figures.h; NULL: the usual ones */
    struct told_page *page;       /* pages.h; NULL: all is well */
};

struct stage;

struct stage *stage_new(void); /* aborts when memory ran out, as does everything here */
void stage_free(struct stage *stage);

/* The upstream of this name, made when there is none. NULL when the name is not [a-z0-9_.-]{1,64} (of either case) or
 * there are UPSTREAMS_MAX already. */
struct upstream *stage_upstream(struct stage *stage, const char *name, size_t len);

/* The upstream of this name, NULL when it has not been met. */
struct upstream *stage_find(const struct stage *stage, const char *name, size_t len);

size_t stage_count(const struct stage *stage);
struct upstream *stage_at(const struct stage *stage, size_t index);

/* Sets what `name` ("*": everyone) does from now on. False when stage_upstream() would refuse the name. */
bool stage_set(struct stage *stage, const char *name, size_t len, const struct behaviour *behaviour);

/* Everyone ok, counters zero, no script. Requests in flight stay counted. */
void stage_reset(struct stage *stage);

/* Replaces the script and starts its clock at now_ms. False, the old script kept, and "file:line: message" on error. */
bool stage_script(struct stage *stage, const char *file, const char *text, size_t len, uint64_t now_ms,
                  char error[SCENARIO_ERROR_MAX]);

/* Carries out what is due; returns when to call again (same clock), UINT64_MAX for never. */
uint64_t stage_play(struct stage *stage, uint64_t now_ms);

#endif
