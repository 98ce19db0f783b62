/* generation: one configuration with everything that was loaded by it: scripts and the providers they declare.
 *
 * Built whole beside the one in service, and taken into service only if it is sound.
 * Thread: the loop's. Ownership: counted references.
 */
#ifndef PROVIDERD_HEALTH_GENERATION_H
#define PROVIDERD_HEALTH_GENERATION_H

#include "base/buf.h"
#include "config/config.h"
#include "health/aliases.h"
#include "health/snapshot.h"
#include "script/script.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A provider to be watched: where it is declared, and the settings in effect. */
struct watched {
    const char *name;      /* the script provider's */
    struct script *script; /* the generation's reference */
    size_t index;          /* in the script */
    struct tuning tuning;  /* in force: every field is said */
    struct kind_table *kinds;
    bool own_kinds;   /* they are not the generation's */
    bool status_page; /* it has one, and it may be read */
    bool read_models; /* it has a list, and it may be read */
};

/* The script's declaration of a provider. */
static inline const struct script_provider *watched_provider(const struct watched *watched)
{
    return script_provider(watched->script, watched->index);
}

struct generation {
    unsigned references;
    struct config *config;    /* owned */
    struct kind_table *kinds; /* with the configuration's changes */
    struct alias_list *aliases;
    struct environment *environment; /* that its scripts were loaded with */
    uint64_t library_stamp;          /* of the folders of libraries (script/stamp.h) */
    struct script **scripts;
    uint64_t *stamps; /* of their files; parallel to them */
    size_t script_count;
    struct lua_meters *meters; /* of the scripts, in their order */
    size_t kept_count;         /* scripts that the generation before had as well: nothing about them has changed */
    struct watched *watched;   /* ascending by name */
    size_t watched_count;
    struct provider_absence *absences;
    size_t absence_count;
    size_t broken_count; /* of them, scripts at fault */
};

/* The parts that outlive generations, for scripts. */
struct generation_parts {
    struct loop *loop;
    struct prober *prober;
    struct redactor *redactor;
    struct environment *environment; /* of this generation; retained by its scripts */
    const struct generation *before; /* in service: what has not changed is taken from it; NULL = there is none */
    const char *only_script;         /* this file is loaded instead of those of the provider paths; NULL = theirs */
};

/* Loads every *.lua of the configured provider paths, or one script alone, which then may also require what is in the
 * folder lib beside it. Scripts that are as they were in the generation before (file, libraries, environment, limits)
 * are not loaded again: they go on, with what they remember. Takes over `config`, also on failure. A script that cannot
 * be used becomes a broken absence; whether that is acceptable is the caller's to say. NULL with the reason in `error`
 * when a folder cannot be read, two scripts declare one name, or memory ran out. */
struct generation *generation_load(struct config *config, const struct generation_parts *parts, char *error,
                                   size_t error_size);
struct generation *generation_retain(struct generation *generation);
void generation_release(struct generation *generation); /* NULL is allowed */

/* One line per broken script, for a refusal. Appended to `out`. */
void generation_describe_faults(const struct generation *generation, struct buf *out);

#endif
