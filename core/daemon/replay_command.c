#include "daemon/replay_command.h"

#include "base/clock.h"
#include "base/duration.h"
#include "base/json.h"
#include "replay/replay.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RESULTS_MAX = 2 * (REPLAY_POLICIES_MAX + 2) };

static const int64_t SINCE_MOST_MS = INT64_C(3650) * 86400 * 1000, EVERY_LEAST_MS = 100;

/* One configuration with what is loaded by it. */
struct setting_out {
    struct config *config;
    struct policy_host *policies;
    struct kind_table *kinds;
    const char *label; /* of its rows: "" = the one in force */
};

struct replaying {
    const struct replay_wishes *wishes;
    int64_t since_ms;
    int64_t every_ms;
    struct trace *trace;
    struct replay_result results[RESULTS_MAX];
    const struct setting_out *of[RESULTS_MAX]; /* which configuration a result is of */
    size_t count;
};

/* -- what is wished -- */

static bool read_span(const char *option, const char *text, int64_t least_ms, int64_t *ms)
{
    if (duration_parse_ms(text, strlen(text), ms) == 0 && *ms >= least_ms && *ms <= SINCE_MOST_MS)
        return true;
    fprintf(stderr, "providerd: replay: %s: expected a duration such as \"7d\"; got '%s'\n", option, text);
    return false;
}

static bool is_path(const char *policy)
{
    size_t len = strlen(policy);
    return strchr(policy, '/') != NULL || (len > 4 && strcmp(policy + len - 4, ".lua") == 0);
}

/* How a policy of the command line is known to the host. */
static const char *known_as(const char *policy)
{
    const char *slash = strrchr(policy, '/');
    return is_path(policy) && slash != NULL ? slash + 1 : policy;
}

/* -- loading -- */

/* The daemon's own table, with the configuration's changes; without it, times of recovery are guessed by less. */
static struct kind_table *load_kinds(const struct config *config)
{
    char error[256];
    char *folders[16];
    size_t count = 0;
    for (; config->provider_paths[count] != NULL && count < 16; ++count) {
        if (asprintf(&folders[count], "%s/lib", config->provider_paths[count]) < 0)
            break;
    }
    struct kind_table *table = kind_table_load((const char *const *)folders, count, error, sizeof(error));
    struct kind_table *changed =
        table != NULL ? kind_table_change(table, &config->tuning.kinds, error, sizeof(error)) : NULL;
    kind_table_release(table);
    for (size_t i = 0; i < count; ++i)
        free(folders[i]);
    return changed;
}

static bool set_out(struct setting_out *out, const struct settings *settings, const struct replay_wishes *wishes)
{
    char error[FAULTS_MAX];
    const char *files[REPLAY_POLICIES_MAX + 1];
    size_t file_count = 0;
    out->config = settings_load(settings, error, sizeof(error));
    if (out->config != NULL) {
        struct policy_setup setup = policy_setup_of(out->config);
        for (size_t i = 0; i < wishes->policy_count; ++i) {
            if (is_path(wishes->policies[i]))
                files[file_count++] = wishes->policies[i];
        }
        files[file_count] = NULL;
        setup.files = files;
        out->policies = policy_host_new(&setup, error, sizeof(error));
    }
    if (out->policies == NULL) {
        fprintf(stderr, "providerd: %s\n", error);
        return false;
    }
    out->kinds = load_kinds(out->config);
    return true;
}

static void take_down(struct setting_out *out)
{
    kind_table_release(out->kinds);
    policy_host_release(out->policies);
    config_free(out->config);
}

/* -- running -- */

struct announcing {
    const char *policy;
    const char *label;
};

static void print_switch(int64_t at_us, const char *from, const char *to, const char *reason, void *user)
{
    const struct announcing *announcing = user;
    char at[CLOCK_ISO_MAX];
    clock_format_rfc3339(at_us, at);
    printf("%s %s%s: %s -> %s: %s\n", at, announcing->policy, announcing->label, from[0] != '\0' ? from : "nobody",
           to[0] != '\0' ? to : "nobody", reason);
}

static bool run_one(struct replaying *replaying, const struct setting_out *out, const char *policy)
{
    char error[512];
    struct announcing announcing = {policy, out->label};
    struct replay_plan plan = {
        .world = world_new(replaying->trace, out->config, out->kinds),
        .trace = replaying->trace,
        .policies = out->policies,
        .step_us = replaying->every_ms * 1000,
        .failure_ms = (double)out->config->tuning.timeout_ms,
        .switched = replaying->wishes->trace ? print_switch : NULL,
        .user = &announcing,
    };
    if (plan.world == NULL) {
        fputs("providerd: replay: out of memory\n", stderr);
        return false;
    }
    bool done = replay_run(&plan, policy, &replaying->results[replaying->count], error, sizeof(error));
    world_free(plan.world);
    if (done)
        replaying->of[replaying->count++] = out;
    else
        fprintf(stderr, "providerd: replay: %s\n", error);
    return done;
}

/* The one in force first, then those of the command line, or all. */
static bool run_policies(struct replaying *replaying, const struct setting_out *out)
{
    const struct replay_wishes *wishes = replaying->wishes;
    const char *in_force = policy_default_name(out->policies), *name;
    bool sound = run_one(replaying, out, in_force);
    for (size_t i = 0; sound && i < wishes->policy_count; ++i) {
        if (strcmp(known_as(wishes->policies[i]), in_force) != 0)
            sound = run_one(replaying, out, known_as(wishes->policies[i]));
    }
    for (size_t i = 0; sound && wishes->policy_count == 0 && i < REPLAY_POLICIES_MAX &&
                       (name = policy_name(out->policies, i)) != NULL;
         ++i) {
        if (strcmp(name, in_force) != 0)
            sound = run_one(replaying, out, name);
    }
    return sound;
}

/* -- telling -- */

static double percent(uint64_t part, uint64_t whole)
{
    return whole != 0 ? 100.0 * (double)part / (double)whole : 0;
}

static double per_hour(const struct replay_result *result)
{
    return result->hours > 0 ? (double)result->switches / result->hours : 0;
}

static bool is_in_force(const struct replaying *replaying, size_t i)
{
    const struct setting_out *out = replaying->of[i];
    return out->label[0] == '\0' && strcmp(replaying->results[i].policy, policy_default_name(out->policies)) == 0;
}

static void print_table(const struct replaying *replaying)
{
    const struct trace *trace = replaying->trace;
    char from[CLOCK_ISO_MAX], to[CLOCK_ISO_MAX];
    clock_format_rfc3339(trace->checks[0].at_us, from);
    clock_format_rfc3339(trace->checks[trace->count - 1].at_us, to);
    printf("%zu checks of %zu providers, %s to %s\n\n", trace->count, trace->name_count, from, to);
    printf("%-24s %8s %8s %8s %8s %10s %10s %10s\n", "POLICY", "FAILED", "TWICE", "UNNAMED", "OUTAGES", "SWITCHES/H",
           "LATENCY", "REGRET");
    for (size_t i = 0; i < replaying->count; ++i) {
        const struct replay_result *result = &replaying->results[i];
        char policy[128];
        snprintf(policy, sizeof(policy), "%s%s%s", result->policy, replaying->of[i]->label,
                 is_in_force(replaying, i) ? " *" : "");
        printf("%-24s %7.3f%% %7.3f%% %7.3f%% %8" PRIu64 " %10.2f %7.1f ms %7.1f ms\n", policy,
               percent(result->failed, result->calls), percent(result->failed_twice, result->calls),
               percent(result->unnamed, result->calls), result->outages, per_hour(result), result->latency_ms,
               result->regret_ms);
        if (result->policy_errors != 0)
            printf("  %" PRIu64 " of its answers were the built-in rule's: %s\n", result->policy_errors, result->error);
    }
    puts("\n* in force. FAILED: calls to who was failing; TWICE: and the first alternative, too; UNNAMED: nobody was "
         "named\n"
         "though somebody was up. OUTAGES: met by a caller. REGRET: what a call cost more than the best one would "
         "have,\n"
         "a failed one costing the timeout.");
}

static void print_json(const struct replaying *replaying)
{
    struct buf out = BUF_EMPTY;
    struct json j = json_begin(&out);
    json_object(&j);
    json_key(&j, "checks");
    json_uint(&j, replaying->trace->count);
    json_key(&j, "providers");
    json_uint(&j, replaying->trace->name_count);
    json_key(&j, "from");
    json_time(&j, replaying->trace->checks[0].at_us);
    json_key(&j, "to");
    json_time(&j, replaying->trace->checks[replaying->trace->count - 1].at_us);
    json_key(&j, "policies");
    json_array(&j);
    for (size_t i = 0; i < replaying->count; ++i) {
        const struct replay_result *result = &replaying->results[i];
        json_object(&j);
        json_member_text(&j, "policy", result->policy);
        json_key(&j, "in_force");
        json_bool(&j, is_in_force(replaying, i));
        json_member_text_or_null(&j, "with", replaying->of[i]->label[0] != '\0' ? replaying->wishes->with : "");
        json_key(&j, "calls");
        json_uint(&j, result->calls);
        json_member_measure(&j, "failed_percent", percent(result->failed, result->calls));
        json_member_measure(&j, "failed_twice_percent", percent(result->failed_twice, result->calls));
        json_member_measure(&j, "unnamed_percent", percent(result->unnamed, result->calls));
        json_key(&j, "outages_met");
        json_uint(&j, result->outages);
        json_key(&j, "switches");
        json_uint(&j, result->switches);
        json_member_measure(&j, "switches_per_hour", per_hour(result));
        json_member_measure(&j, "latency_ms", result->latency_ms);
        json_member_measure(&j, "regret_ms", result->regret_ms);
        json_key(&j, "policy_errors");
        json_uint(&j, result->policy_errors);
        json_member_text_or_null(&j, "error", result->error);
        json_end(&j);
    }
    json_end(&j);
    json_end(&j);
    puts(buf_text(&out));
    buf_dispose(&out);
}

/* -- the command -- */

static int load_past(struct replaying *replaying, const char *database)
{
    char error[FAULTS_MAX];
    replaying->trace = trace_load(database, clock_wall_us() - replaying->since_ms * 1000, error, sizeof(error));
    if (replaying->trace == NULL) {
        fprintf(stderr, "providerd: replay: %s\n", error);
        return -1;
    }
    if (replaying->trace->count == 0) {
        fprintf(stderr, "providerd: replay: %s: no check in this time\n", database);
        return -1;
    }
    return 0;
}

int replay_command(const struct settings *settings, const struct replay_wishes *wishes)
{
    struct replaying *replaying = calloc(1, sizeof(*replaying));
    struct setting_out in_force = {.label = ""}, other = {.label = " (with)"};
    struct settings tried = *settings;
    int status = 2;
    tried.config_path = wishes->with;
    if (replaying == NULL) {
        fputs("providerd: replay: out of memory\n", stderr);
        return 1;
    }
    replaying->wishes = wishes;
    if (!read_span("--since", wishes->since != NULL ? wishes->since : "7d", 1000, &replaying->since_ms) ||
        !read_span("--every", wishes->every != NULL ? wishes->every : "1m", EVERY_LEAST_MS, &replaying->every_ms) ||
        !set_out(&in_force, settings, wishes) || (wishes->with != NULL && !set_out(&other, &tried, wishes)))
        goto done;
    status = 1;
    if (load_past(replaying, in_force.config->database) != 0)
        goto done;
    status = 2;
    if (!run_policies(replaying, &in_force) || (wishes->with != NULL && !run_policies(replaying, &other)) ||
        !run_one(replaying, &in_force, REPLAY_LAST_FASTEST) || !run_one(replaying, &in_force, REPLAY_ORACLE))
        goto done;
    if (wishes->json)
        print_json(replaying);
    else
        print_table(replaying);
    status = 0;

done:
    trace_free(replaying->trace);
    take_down(&other);
    take_down(&in_force);
    free(replaying);
    return status;
}
