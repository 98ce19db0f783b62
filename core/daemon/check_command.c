#include "daemon/check_command.h"

#include "alert/alert_host.h"
#include "base/log.h"
#include "base/nearest.h"
#include "daemon/check_results.h"
#include "plugin/policy.h"
#include "serve/site.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    DEEP_TOKENS_MAX = 2000,          /* that one run may spend on a provider */
    DEEP_TIMEOUT_MIN_MS = 30 * 1000, /* a completion takes longer than a list */
};

struct checking {
    struct parts parts;
    struct generation *generation;
    const struct check_wishes *wishes;
    struct subject *subjects;
    struct provider_result *results; /* of each subject */
    size_t count;
    size_t next; /* subject to start */
    size_t left; /* subjects that are not done */
    bool shows_progress;
};

/* A provider under check. What is asked of it is asked one after another. */
struct subject {
    struct checking *all;
    struct provider_result *result;
    size_t asked; /* of its keys */
    enum check_purpose purpose;
};

static void print_faults(char *error)
{
    for (char *line = strtok(error, "\n"); line != NULL; line = strtok(NULL, "\n"))
        fprintf(stderr, "providerd: %s\n", line);
}

/* -- loading -- */

static int load(struct checking *checking, const struct settings *settings, const char *only_script)
{
    char error[FAULTS_MAX];
    struct config *config = settings_load(settings, error, sizeof(error));

    signal(SIGPIPE, SIG_IGN);
    log_set_level(LOG_WARNING);
    if (config == NULL) {
        print_faults(error);
        return -1;
    }
    if (parts_open(&checking->parts, config, error, sizeof(error)) != 0) {
        config_free(config);
        print_faults(error);
        return -1;
    }
    checking->generation = parts_generation(&checking->parts, config, NULL, only_script, error, sizeof(error));
    if (checking->generation == NULL)
        print_faults(error);
    return checking->generation != NULL ? 0 : -1;
}

static void unload(struct checking *checking)
{
    for (size_t i = 0; i < checking->count; ++i)
        provider_result_dispose(&checking->results[i]);
    free(checking->results);
    free(checking->subjects);
    generation_release(checking->generation);
    parts_close(&checking->parts);
}

/* -- choosing -- */

static const struct watched *find_watched(const struct generation *generation, const char *name)
{
    for (size_t i = 0; i < generation->watched_count; ++i) {
        if (strcmp(generation->watched[i].name, name) == 0)
            return &generation->watched[i];
    }
    return NULL;
}

static void explain_unknown(const struct generation *generation, const char *name)
{
    for (size_t i = 0; i < generation->absence_count; ++i) {
        const struct provider_absence *absence = &generation->absences[i];
        if (strcmp(absence->name, name) == 0) {
            fprintf(stderr, "providerd: %s: not watched: %s\n", name, absence->message);
            return;
        }
    }
    const char **known = calloc(generation->watched_count + 1, sizeof(*known));
    const char *near = NULL;
    if (known != NULL) {
        for (size_t i = 0; i < generation->watched_count; ++i)
            known[i] = generation->watched[i].name;
        near = nearest_word(name, known, generation->watched_count);
    }
    fprintf(stderr, "providerd: %s: no script declares a provider of this name%s%s%s\n", name,
            near != NULL ? "; did you mean " : "", near != NULL ? near : "", near != NULL ? "?" : "");
    free(known);
}

static bool add_subject(struct checking *checking, const struct watched *watched)
{
    size_t keys = watched_provider(watched)->key_count, count = keys != 0 ? keys : 1;
    struct provider_result *result = &checking->results[checking->count];
    *result = (struct provider_result){.watched = watched, .keys = calloc(count, sizeof(*result->keys))};
    if (result->keys == NULL)
        return false;
    result->key_count = count;
    for (size_t i = 0; i < count; ++i)
        result->keys[i].key = keys != 0 ? i : CHECK_NO_KEY;
    checking->subjects[checking->count++] = (struct subject){.all = checking, .result = result};
    return true;
}

/* All when nobody is named. */
static int choose(struct checking *checking, char *const *names)
{
    const struct generation *generation = checking->generation;
    size_t most = generation->watched_count;
    bool chosen = true, room = true;

    for (char *const *name = names; *name != NULL; ++name)
        ++most;
    checking->subjects = calloc(most + 1, sizeof(*checking->subjects));
    checking->results = calloc(most + 1, sizeof(*checking->results));
    if (checking->subjects == NULL || checking->results == NULL)
        room = false;
    for (size_t i = 0; *names == NULL && room && i < generation->watched_count; ++i)
        room = add_subject(checking, &generation->watched[i]);
    for (; *names != NULL && room; ++names) {
        const struct watched *watched = find_watched(generation, *names);
        if (watched != NULL) {
            room = add_subject(checking, watched);
        } else {
            explain_unknown(generation, *names);
            chosen = false;
        }
    }
    if (!room)
        fputs("providerd: out of memory for the checks\n", stderr);
    else if (chosen && checking->count == 0)
        fputs("providerd: nothing to check: no provider is configured\n", stderr);
    return room && chosen && checking->count != 0 ? 0 : -1;
}

/* -- checking -- */

static void go_on(struct subject *subject);

/* The key that everything but the plain checks is asked with. */
static size_t best_key(const struct subject *subject)
{
    return provider_result_best(subject->result)->key;
}

static void on_verdict(const struct verdict *verdict, void *user)
{
    struct subject *subject = user;
    struct provider_result *result = subject->result;
    struct verdict kept = *verdict;
    kept.effects = NULL; /* borrowed */
    kept.models = NULL;
    kept.announcement = NULL;
    kept.exchange = (struct buf)BUF_EMPTY;
    switch (subject->purpose) {
    case CHECK_PROBE: {
        struct key_result *key = &result->keys[subject->asked++];
        key->verdict = kept;
        key->status = verdict->judged ? key->verdict.status : "degraded"; /* one failure of a script is not yet down */
        break;
    }
    case CHECK_MODELS:
        result->models_verdict = kept;
        result->models = verdict->models != NULL ? model_list_retain(verdict->models) : NULL;
        break;
    case CHECK_DEEP:
        result->deep = kept;
        break;
    case CHECK_STATUS_PAGE:
        result->announcement = announcement_retain(verdict->announcement);
        break;
    case CHECK_CALL: /* of plugins only */
        break;
    }
    go_on(subject);
}

/* Whether anything is left to ask, and what. */
static bool choose_purpose(struct subject *subject)
{
    const struct check_wishes *wishes = subject->all->wishes;
    struct provider_result *result = subject->result;
    const struct script_provider *provider = watched_provider(result->watched);
    if (subject->asked < result->key_count) {
        subject->purpose = CHECK_PROBE;
    } else if (!result->asked_models && provider->lists_models && (wishes->whole || wishes->deep)) {
        result->asked_models = true;
        subject->purpose = CHECK_MODELS;
    } else if (!result->asked_deep && provider->completes && wishes->deep) {
        result->asked_deep = true;
        subject->purpose = CHECK_DEEP;
    } else if (!result->asked_page && result->watched->status_page && wishes->whole) {
        result->asked_page = true;
        subject->purpose = CHECK_STATUS_PAGE;
    } else {
        return false;
    }
    return true;
}

static void announce(const struct subject *subject, size_t key)
{
    static const char *const questions[] = {
        [CHECK_PROBE] = "is it well?",
        [CHECK_MODELS] = "which models?",
        [CHECK_DEEP] = "does it complete?",
        [CHECK_STATUS_PAGE] = "what does its status page say?",
    };
    printf("== %s", subject->result->watched->name);
    if (subject->purpose == CHECK_PROBE && subject->result->key_count > 1)
        printf(", key %zu %s", key + 1, key_result_hint(subject->result, &subject->result->keys[key]));
    printf(": %s\n", questions[subject->purpose]);
}

static bool ask(struct subject *subject)
{
    const struct watched *watched = subject->result->watched;
    const struct tuning *tuning = &watched->tuning;
    struct check_order order = {
        .purpose = subject->purpose,
        .timeout_ms = tuning->timeout_ms,
        .kinds = watched->kinds,
        .trace = subject->all->wishes->trace ? stdout : NULL,
        .state =
            {
                .status = "unknown",
                .degraded_latency_ms =
                    tuning->degraded_latency.fixed_ms != 0 ? (double)tuning->degraded_latency.fixed_ms : 1000,
                .max_consecutive_failures = (unsigned)tuning->max_consecutive_failures,
                .rate_limit_percent = -1,
                .weights = tuning->weights,
            },
    };
    switch (subject->purpose) {
    case CHECK_PROBE:
        order.key = subject->result->keys[subject->asked].key;
        break;
    case CHECK_DEEP:
        order.timeout_ms = order.timeout_ms > DEEP_TIMEOUT_MIN_MS ? order.timeout_ms : DEEP_TIMEOUT_MIN_MS;
        order.rung = "timed";
        order.model = tuning->deep.model;
        order.models = subject->result->models;
        order.tokens_left = DEEP_TOKENS_MAX;
        order.key = best_key(subject);
        break;
    case CHECK_MODELS:
        order.key = best_key(subject);
        break;
    case CHECK_STATUS_PAGE:
    case CHECK_CALL:
        order.key = CHECK_NO_KEY;
        break;
    }
    if (order.trace != NULL)
        announce(subject, order.key);
    return check_start(watched->script, watched->index, &order, on_verdict, subject) != NULL;
}

/* A line for whoever waits at a terminal; what a program reads is not touched by it. */
static void show_progress(const struct checking *checking, const char *name)
{
    if (!checking->shows_progress)
        return;
    size_t done = checking->count - checking->left;
    fprintf(stderr, "\r\033[K%zu of %zu checked: %s", done, checking->count, name);
    if (checking->left == 0)
        fputs("\r\033[K", stderr);
}

/* Asks the next question, or lets the next provider begin. Exchanges of several would mingle: then it is one by one. */
static void go_on(struct subject *subject)
{
    struct checking *checking = subject->all;
    if (choose_purpose(subject)) {
        if (ask(subject))
            return;
        fprintf(stderr, "providerd: %s: out of memory for a check\n", subject->result->watched->name);
        exit(2); /* there is nothing to go on with, and nothing to lose */
    }
    --checking->left;
    show_progress(checking, subject->result->watched->name);
    if (checking->left == 0)
        loop_stop(checking->parts.loop);
    else if (checking->next < checking->count)
        go_on(&checking->subjects[checking->next++]);
}

static void run_checks(struct checking *checking)
{
    checking->left = checking->count;
    checking->shows_progress = !checking->wishes->trace && isatty(STDERR_FILENO) != 0;
    checking->next = checking->wishes->trace ? 1 : checking->count;
    size_t at_once = checking->next;
    for (size_t i = 0; i < at_once; ++i)
        go_on(&checking->subjects[i]);
    loop_run(checking->parts.loop);
}

/* -- the command -- */

static bool is_file(const char *name)
{
    size_t len = strlen(name);
    return strchr(name, '/') != NULL || (len > 4 && strcmp(name + len - 4, ".lua") == 0);
}

/* Scripts that could not be loaded: they are told, and no provider of theirs was checked. */
static size_t print_broken(const struct generation *generation)
{
    size_t count = 0;
    for (size_t i = 0; i < generation->absence_count; ++i) {
        const struct provider_absence *absence = &generation->absences[i];
        if (absence->broken) {
            fprintf(stderr, "providerd: %s\n", absence->message);
            ++count;
        }
    }
    return count;
}

/* A script alone: whatever it cannot do is told. */
static int explain_script(const struct generation *generation, const char *path)
{
    if (print_broken(generation) != 0)
        return -1;
    for (size_t i = 0; i < generation->absence_count; ++i)
        fprintf(stderr, "providerd: %s: not watched: %s\n", generation->absences[i].name,
                generation->absences[i].message);
    if (generation->watched_count == 0 && generation->absence_count == 0)
        fprintf(stderr, "providerd: %s: it declares no provider here\n", path);
    return generation->watched_count != 0 ? 0 : -1;
}

int check_command(const struct settings *settings, char *const *names, const struct check_wishes *wishes)
{
    static char *const all[] = {NULL};
    const char *file = names[0] != NULL && is_file(names[0]) ? names[0] : NULL;
    struct check_wishes all_wishes = *wishes;
    struct checking checking = {.wishes = &all_wishes};
    int status = 2;

    if (file != NULL && names[1] != NULL) {
        fprintf(stderr, "providerd: check %s: one script alone, or names of providers; '%s' is too much\n", file,
                names[1]);
        return 2;
    }
    if (file != NULL) {
        all_wishes.whole = true;
        all_wishes.trace = !wishes->json;
    }
    if (load(&checking, settings, file) != 0 || (file != NULL && explain_script(checking.generation, file) != 0) ||
        choose(&checking, file != NULL ? all : names) != 0)
        goto done;
    run_checks(&checking);
    status = 0;
    for (size_t i = 0; i < checking.count; ++i) {
        if (!provider_result_is_fine(&checking.results[i]))
            status = 1;
    }
    if (file == NULL && print_broken(checking.generation) != 0 && *names == NULL)
        status = 1;
    if (all_wishes.trace)
        putchar('\n');
    if (wishes->json)
        print_results_json(checking.results, checking.count);
    else
        print_results_table(checking.results, checking.count);

done:
    unload(&checking);
    return status;
}

/* What a reload would refuse beside providers: policies, alerts and plugins, pages. */
static size_t count_unsound(struct checking *checking, char *error, size_t error_size)
{
    const struct config *config = checking->generation->config;
    struct policy_setup setup = policy_setup_of(config);
    size_t count = 0;
    struct policy_host *policies = policy_host_new(&setup, error, error_size);
    if (policies == NULL) {
        print_faults(error);
        ++count;
    }
    policy_host_release(policies);
    struct alert_host *alerts = parts_alerts(&checking->parts, checking->generation, error, error_size);
    if (alerts == NULL) {
        print_faults(error);
        ++count;
    }
    alert_host_free(alerts);
    struct site *site = site_load((const char *const *)config->plugin_paths, NULL, error, error_size);
    if (site == NULL) {
        print_faults(error);
        ++count;
    }
    site_release(site);
    return count;
}

int test_command(const struct settings *settings)
{
    struct checking checking = {.count = 0};
    char error[FAULTS_MAX];
    int status = 2;

    if (load(&checking, settings, NULL) != 0)
        goto done;
    const struct generation *generation = checking.generation;
    size_t unsound = count_unsound(&checking, error, sizeof(error));
    for (size_t i = 0; i < generation->absence_count; ++i) {
        if (generation->absences[i].broken)
            fprintf(stderr, "providerd: %s\n", generation->absences[i].message);
        else
            printf("not watched: %s: %s\n", generation->absences[i].name, generation->absences[i].message);
    }
    if (unsound == 0 && generation->broken_count == 0) {
        printf("configuration and scripts are sound: %zu providers to watch, %zu not configured\n",
               generation->watched_count, generation->absence_count);
        status = 0;
    }

done:
    unload(&checking);
    return status;
}
