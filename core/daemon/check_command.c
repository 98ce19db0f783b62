#include "daemon/check_command.h"

#include "base/json.h"
#include "base/log.h"
#include "base/nearest.h"
#include "plugin/policy.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct checking {
    struct parts parts;
    struct generation *generation;
    struct one_check *checks;
    size_t count;
    size_t left; /* still running */
};

struct one_check {
    struct checking *all;
    const struct watched *watched;
    struct verdict verdict;
    const char *status;
};

static void print_faults(char *error)
{
    for (char *line = strtok(error, "\n"); line != NULL; line = strtok(NULL, "\n"))
        fprintf(stderr, "providerd: %s\n", line);
}

/* -- loading -- */

static int load(struct checking *checking, const struct settings *settings)
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
    checking->generation = parts_generation(&checking->parts, config, error, sizeof(error));
    if (checking->generation == NULL)
        print_faults(error);
    return checking->generation != NULL ? 0 : -1;
}

static void unload(struct checking *checking)
{
    generation_release(checking->generation);
    parts_close(&checking->parts);
    free(checking->checks);
}

/* -- checking -- */

static void on_verdict(const struct verdict *verdict, void *user)
{
    struct one_check *check = user;
    check->verdict = *verdict;
    check->status = verdict->judged ? check->verdict.status : "degraded"; /* one failure of a script is not yet down */
    if (--check->all->left == 0)
        loop_stop(check->all->parts.loop);
}

static bool start_one(struct one_check *check)
{
    const struct watched *watched = check->watched;
    const struct tuning *tuning = &watched->tuning;
    struct check_order order = {
        .purpose = CHECK_PROBE,
        .key = watched_provider(watched)->key_count != 0 ? 0 : CHECK_NO_KEY,
        .timeout_ms = tuning->timeout_ms,
        .kinds = watched->kinds,
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
    return check_start(watched->script, watched->index, &order, on_verdict, check) != NULL;
}

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

static int choose(struct checking *checking, char *const *names)
{
    const struct generation *generation = checking->generation;
    size_t most = generation->watched_count;
    int result = 0;

    for (char *const *name = names; *name != NULL; ++name)
        ++most;
    checking->checks = calloc(most + 1, sizeof(*checking->checks));
    if (checking->checks == NULL)
        return -1;
    if (*names == NULL) {
        for (size_t i = 0; i < generation->watched_count; ++i)
            checking->checks[checking->count++].watched = &generation->watched[i];
    }
    for (; *names != NULL; ++names) {
        const struct watched *watched = find_watched(generation, *names);
        if (watched == NULL) {
            explain_unknown(generation, *names);
            result = -1;
        } else {
            checking->checks[checking->count++].watched = watched;
        }
    }
    if (result == 0 && checking->count == 0) {
        fprintf(stderr, "providerd: nothing to check: no provider is configured\n");
        result = -1;
    }
    return result;
}

static int run_checks(struct checking *checking)
{
    for (size_t i = 0; i < checking->count; ++i) {
        checking->checks[i].all = checking;
        if (!start_one(&checking->checks[i])) {
            fprintf(stderr, "providerd: out of memory for a check\n");
            return -1;
        }
        ++checking->left;
    }
    loop_run(checking->parts.loop);
    return 0;
}

/* -- printing -- */

static void print_table(const struct checking *checking)
{
    int width = (int)strlen("PROVIDER");
    for (size_t i = 0; i < checking->count; ++i) {
        int len = (int)strlen(checking->checks[i].watched->name);
        width = len > width ? len : width;
    }
    printf("%-*s  %-8s  %10s  %4s  %s\n", width, "PROVIDER", "STATUS", "LATENCY", "HTTP", "DETAIL");
    for (size_t i = 0; i < checking->count; ++i) {
        const struct one_check *check = &checking->checks[i];
        const struct verdict *verdict = &check->verdict;
        const char *reason = verdict->judged ? verdict->reason : verdict->kind;
        char http[8] = "-";
        if (verdict->http_status != 0)
            snprintf(http, sizeof(http), "%d", verdict->http_status % 10000);
        printf("%-*s  %-8s  %7.1f ms  %4s  %s%s%s\n", width, check->watched->name, check->status, verdict->latency_ms,
               http, reason, verdict->message[0] != '\0' ? ": " : "", verdict->message);
    }
}

static void print_json(const struct checking *checking)
{
    struct buf out = BUF_EMPTY;
    struct json j = json_begin(&out);
    json_object(&j);
    json_key(&j, "providers");
    json_object(&j);
    for (size_t i = 0; i < checking->count; ++i) {
        const struct one_check *check = &checking->checks[i];
        const struct verdict *verdict = &check->verdict;
        json_key(&j, check->watched->name);
        json_object(&j);
        json_key(&j, "status");
        json_text(&j, check->status);
        json_key(&j, "reason");
        json_text(&j, verdict->judged ? verdict->reason : verdict->kind);
        json_key(&j, "response_time_ms");
        json_double(&j, verdict->latency_ms);
        json_key(&j, "http_status");
        json_int(&j, verdict->http_status);
        json_key(&j, "rate_limit_percent");
        json_double(&j, verdict->rate_limit_percent > 0 ? verdict->rate_limit_percent : 0);
        json_key(&j, "error_message");
        json_text(&j, verdict->message);
        json_end(&j);
    }
    json_end(&j);
    json_end(&j);
    puts(buf_text(&out));
    buf_dispose(&out);
}

int check_command(const struct settings *settings, char *const *names, bool as_json)
{
    struct checking checking = {.count = 0};
    int status = 2;

    if (load(&checking, settings) != 0 || choose(&checking, names) != 0 || run_checks(&checking) != 0)
        goto done;
    status = 0;
    for (size_t i = 0; i < checking.count; ++i) {
        if (strcmp(checking.checks[i].status, "healthy") != 0)
            status = 1;
    }
    for (size_t i = 0; i < checking.generation->absence_count; ++i) {
        const struct provider_absence *absence = &checking.generation->absences[i];
        if (absence->broken) {
            fprintf(stderr, "providerd: %s\n", absence->message);
            status = *names == NULL ? 1 : status;
        }
    }
    if (as_json)
        print_json(&checking);
    else
        print_table(&checking);

done:
    unload(&checking);
    return status;
}

int test_command(const struct settings *settings)
{
    struct checking checking = {.count = 0};
    char error[FAULTS_MAX];
    int status = 2;

    if (load(&checking, settings) != 0)
        goto done;
    const struct generation *generation = checking.generation;
    struct sandbox_limits limits = {(size_t)generation->config->script_memory_bytes,
                                    (long)generation->config->script_instructions};
    struct policy_host *policies = policy_host_new((const char *const *)generation->config->plugin_paths,
                                                   generation->config->policy, &limits, error, sizeof(error));
    if (policies == NULL)
        print_faults(error);
    for (size_t i = 0; i < generation->absence_count; ++i) {
        if (generation->absences[i].broken)
            fprintf(stderr, "providerd: %s\n", generation->absences[i].message);
        else
            printf("not watched: %s: %s\n", generation->absences[i].name, generation->absences[i].message);
    }
    if (policies != NULL && generation->broken_count == 0) {
        printf("configuration and scripts are sound: %zu providers to watch, %zu not configured\n",
               generation->watched_count, generation->absence_count);
        status = 0;
    }
    policy_host_release(policies);

done:
    unload(&checking);
    return status;
}
