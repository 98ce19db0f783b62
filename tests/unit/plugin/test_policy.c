/* Policies: the rule that is delivered, the same rule in C, and what happens to policies that misbehave. */
#include "plugin/policy.h"

#include "../hand_made.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
    char folder[64];
    char policies[96];
    char error[2048];
    struct policy_setup setup; /* but for the paths, the default and the limits */
    struct policy_host *host;
    struct policy_state *state;
};

static const struct sandbox_limits LIMITS = {4 * 1024 * 1024, 1000000};

/* -- a plugin path with policies -- */

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    strcpy(f->folder, "/tmp/providerd-policy-XXXXXX");
    if (mkdtemp(f->folder) == NULL)
        return -1;
    snprintf(f->policies, sizeof(f->policies), "%s/policies", f->folder);
    *state = f;
    return mkdir(f->policies, 0700);
}

static void write_policy(struct fixture *f, const char *name, const char *text)
{
    char path[192];
    snprintf(path, sizeof(path), "%s/%s.lua", f->policies, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

static void copy_delivered_file(struct fixture *f, const char *file)
{
    static const char here[] = __FILE__, own_part[] = "tests/unit/plugin/test_policy.c";
    char command[512];
    snprintf(command, sizeof(command), "cp %.*splugins/%s %s/%s", (int)(sizeof(here) - sizeof(own_part)), here, file,
             f->folder, file);
    assert_int_equal(system(command), 0);
}

static void copy_delivered_policy(struct fixture *f)
{
    char lib[96];
    snprintf(lib, sizeof(lib), "%s/lib", f->folder);
    mkdir(lib, 0700);
    copy_delivered_file(f, "lib/order.lua");
    copy_delivered_file(f, "policies/lowest_latency.lua");
}

static struct policy_host *load(struct fixture *f, const char *default_name)
{
    const char *const paths[] = {f->folder, NULL};
    struct policy_setup setup = f->setup;
    setup.plugin_paths = paths;
    setup.default_name = default_name;
    setup.limits = LIMITS;
    f->error[0] = '\0';
    return policy_host_new(&setup, f->error, sizeof(f->error));
}

static bool rank(struct fixture *f, const char *policy, const struct snapshot *snapshot, struct policy_result *result)
{
    struct policy_request request = {.n = 0};
    if (policy != NULL)
        strcpy(request.policy, policy);
    return policy_rank(f->state, &request, "", snapshot, HAND_MADE_TIME_US, result);
}

static const char *name_at(const struct policy_result *result, size_t i)
{
    assert_true(i < result->ranking->count);
    return result->ranking->rows[i].candidate->view->name;
}

static void open_policy(struct fixture *f, const char *name, const char *text)
{
    write_policy(f, name, text);
    f->host = load(f, name);
    if (f->host == NULL)
        print_error("%s\n", f->error);
    assert_non_null(f->host);
    f->state = policy_state_new(f->host);
    assert_non_null(f->state);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char command[128];
    policy_state_free(f->state);
    policy_host_release(f->host);
    snprintf(command, sizeof(command), "rm -r %s", f->folder);
    int result = system(command);
    free(f);
    return result;
}

/* -- the rule -- */

static struct snapshot *three_healthy(void)
{
    struct snapshot *snapshot = hand_made_snapshot(1, 5);
    hand_made_provider(snapshot, 0, "p0", HEALTH_DEGRADED, 1.0);
    hand_made_provider(snapshot, 1, "p6", HEALTH_HEALTHY, 9.0);
    hand_made_provider(snapshot, 2, "p7", HEALTH_HEALTHY, 6.5);
    hand_made_provider(snapshot, 3, "p8", HEALTH_HEALTHY, 5.0);
    hand_made_provider(snapshot, 4, "p9", HEALTH_HEALTHY, 4.4);
    return snapshot;
}

/* Both forms of the rule must say the same: the Lua one, and the one in C, which answers for a policy that raises. */
static void rank_by_both(struct fixture *f, const struct snapshot *snapshot, const char *best, const char *reason,
                         size_t count, size_t alternatives)
{
    struct policy_result lua, c;
    char order[16][PROVIDER_NAME_MAX];
    assert_true(rank(f, NULL, snapshot, &lua));
    assert_string_equal(lua.error, "");
    assert_string_equal(lua.policy, "lowest_latency");
    assert_string_equal(lua.reason, reason);
    assert_int_equal(lua.ranking->ranked, count);
    assert_int_equal(lua.ranking->count, snapshot->count);
    assert_int_equal(lua.alternatives, alternatives);
    if (best != NULL)
        assert_string_equal(name_at(&lua, 0), best);
    for (size_t i = 0; i < lua.ranking->count; ++i)
        strcpy(order[i], name_at(&lua, i));
    assert_true(rank(f, "raises", snapshot, &c));
    assert_non_null(strstr(c.error, "boom"));
    assert_string_equal(c.reason, reason);
    assert_int_equal(c.ranking->ranked, count);
    assert_int_equal(c.ranking->count, snapshot->count);
    assert_int_equal(c.alternatives, alternatives);
    for (size_t i = 0; i < c.ranking->count; ++i)
        assert_string_equal(name_at(&c, i), order[i]);
}

static void open_delivered(struct fixture *f)
{
    copy_delivered_policy(f);
    write_policy(f, "raises", "return { rank = function() error('boom') end }");
    f->host = load(f, "lowest_latency");
    if (f->host == NULL)
        print_error("%s\n", f->error);
    assert_non_null(f->host);
    f->state = policy_state_new(f->host);
}

static void delivered_policy_gives_the_recorded_answer(void **state)
{
    struct fixture *f = *state;
    struct snapshot *snapshot = three_healthy();
    open_delivered(f);
    rank_by_both(f, snapshot, "p9", "lowest latency (4.4ms) + healthy status", 5, 2);
    snapshot_release(snapshot);
}

static void equal_latencies_go_by_name(void **state)
{
    struct fixture *f = *state;
    struct snapshot *snapshot = hand_made_snapshot(1, 2);
    hand_made_provider(snapshot, 0, "a", HEALTH_HEALTHY, 5);
    hand_made_provider(snapshot, 1, "b", HEALTH_HEALTHY, 5);
    open_delivered(f);
    rank_by_both(f, snapshot, "a", "lowest latency (5.0ms) + healthy status", 2, 1);
    snapshot_release(snapshot);
}

static void without_a_healthy_one_the_fastest_degraded_is_used(void **state)
{
    struct fixture *f = *state;
    struct snapshot *snapshot = hand_made_snapshot(1, 3);
    hand_made_provider(snapshot, 0, "a", HEALTH_DEGRADED, 1500);
    hand_made_provider(snapshot, 1, "b", HEALTH_DEGRADED, 1200);
    hand_made_provider(snapshot, 2, "c", HEALTH_DOWN, 1);
    open_delivered(f);
    rank_by_both(f, snapshot, "b", "No healthy providers available, using least degraded: b", 2, 0);
    snapshot_release(snapshot);
}

static void without_any_there_is_nobody(void **state)
{
    struct fixture *f = *state;
    struct snapshot *snapshot = hand_made_snapshot(1, 2), *empty = hand_made_snapshot(1, 0);
    hand_made_provider(snapshot, 0, "a", HEALTH_DOWN, 1);
    hand_made_provider(snapshot, 1, "b", HEALTH_UNKNOWN, 0);
    open_delivered(f);
    rank_by_both(f, snapshot, NULL, "All providers are down", 0, 0);
    rank_by_both(f, empty, NULL, "All providers are down", 0, 0);
    snapshot_release(snapshot);
    snapshot_release(empty);
}

/* -- what a policy sees and says -- */

static void candidates_carry_what_the_manual_says(void **state)
{
    struct fixture *f = *state;
    struct snapshot *snapshot = hand_made_snapshot(1, 2);
    struct provider_view *view = hand_made_provider(snapshot, 0, "a", HEALTH_DEGRADED, 12.5);
    struct policy_result result;
    strcpy(view->title, "A");
    strcpy(view->reason, "slow");
    view->score = 70;
    view->lead->rate_limit_percent = 25;
    view->lead->consecutive_failures = 2;
    view->lead->retry_at_us = 5000000;
    hand_made_provider(snapshot, 1, "b", HEALTH_UNKNOWN, 0);
    open_policy(f, "shows",
                "return { rank = function(c, request)\n"
                "  local a, b = c[1], c[2]\n"
                "  assert(a.name == 'a' and a.title == 'A' and a.status == 'degraded' and a.reason == 'slow')\n"
                "  assert(a.latency_ms == 12.5 and a.uptime_percent == 100 and a.rate_limit_percent == 25)\n"
                "  assert(a.score == 70 and a.consecutive_failures == 2 and a.retry_at == 5)\n"
                "  assert(type(a.last_check_age_s) == 'number' and type(request) == 'table')\n"
                "  assert(b.status == 'unknown' and b.last_check_age_s == nil and b.retry_at == nil)\n"
                "  return { 'b', 'a' }, 'seen'\n"
                "end }\n");
    assert_true(rank(f, "shows", snapshot, &result));
    assert_string_equal(result.error, "");
    assert_string_equal(result.reason, "seen");
    assert_int_equal(result.ranking->ranked, 2);
    assert_string_equal(name_at(&result, 0), "b");
    assert_true(result.alternatives >= 1);
    snapshot_release(snapshot);
}

static void unknown_policy_is_no_result(void **state)
{
    struct fixture *f = *state;
    struct snapshot *snapshot = three_healthy();
    struct policy_result result;
    open_delivered(f);
    assert_false(rank(f, "nope", snapshot, &result));
    assert_string_equal(policy_name(f->host, 0), "lowest_latency");
    assert_string_equal(policy_name(f->host, 1), "raises");
    assert_null(policy_name(f->host, 2));
    assert_non_null(strstr(policy_about(f->host, 0), "fastest"));
    assert_string_equal(policy_about(f->host, 1), "");
    assert_true(policy_exists(f->host, "") && policy_exists(f->host, "raises") && !policy_exists(f->host, "nope"));
    snapshot_release(snapshot);
}

/* -- policies that misbehave -- */

struct misbehaviour {
    const char *rank; /* the function's body */
    const char *complaint;
};

static const struct misbehaviour MISBEHAVIOURS[] = {
    {"error('boom')", "boom"},
    {"error({})", "raised a table"},
    {"while true do end", "instruction budget"},
    {"while true do pcall(function() while true do end end) end", "instruction budget"},
    {"local t = {} for i = 1, 1e7 do t[i] = ('x'):rep(1000) .. i end return t, 'x'", "memory"},
    {"return ('x'):rep(1 << 30), 'x'", "memory"},
    {"return nil", "expected a list of names"},
    {"return 'p9', 'x'", "expected a list of names"},
    {"return { first = 'p9' }, 'x'", "fields or holes"},
    {"return { 'p9', nil, 'p8', extra = 1 }, 'x'", "expected"},
    {"return { 'nope' }, 'x'", "'nope', which is no candidate"},
    {"return { 'p9\\0' .. ('x'):rep(100000) }, 'x'", "which is no candidate"},
    {"return { '' }, 'x'", "which is no candidate"},
    {"return { 7 }, 'x'", "a number in it"},
    {"return { 'p9', 'p9' }, 'x'", "'p9' twice"},
    {"return { 'p9', 'p8', 'p7', 'p6', 'p0', 'p0' }, 'x'", "6 names for 5 candidates"},
    {"return { 'p9' }", "as reason, expected a string"},
    {"return { 'p9' }, 'x', -1", "number of alternatives"},
    {"return { 'p9' }, 'x', 'two'", "number of alternatives"},
};

static void misbehaving_policy_is_answered_for_by_the_built_in_rule(void **state)
{
    struct fixture *f = *state;
    struct snapshot *snapshot = three_healthy();
    for (size_t i = 0; i < sizeof(MISBEHAVIOURS) / sizeof(MISBEHAVIOURS[0]); ++i) {
        char text[512];
        struct policy_result result;
        snprintf(text, sizeof(text), "return { rank = function(c) %s end }", MISBEHAVIOURS[i].rank);
        open_policy(f, "bad", text);
        for (int again = 0; again < 2; ++again) { /* and the failure must not spoil the next call */
            assert_true(rank(f, NULL, snapshot, &result));
            if (strstr(result.error, MISBEHAVIOURS[i].complaint) == NULL)
                fail_msg("%s: '%s'", MISBEHAVIOURS[i].rank, result.error);
            assert_string_equal(result.policy, "bad");
            assert_string_equal(name_at(&result, 0), "p9");
            assert_string_equal(result.reason, "lowest latency (4.4ms) + healthy status");
            assert_int_equal(result.alternatives, 2);
        }
        policy_state_free(f->state);
        policy_host_release(f->host);
        f->state = NULL;
        f->host = NULL;
    }
    snapshot_release(snapshot);
}

static void policy_has_no_way_out(void **state)
{
    struct fixture *f = *state;
    struct snapshot *snapshot = three_healthy();
    struct policy_result result;
    open_policy(f, "curious",
                "return { rank = function()\n"
                "  for _, name in ipairs { 'io', 'debug', 'load', 'loadfile', 'dofile', 'package', 'http', 'env' } do\n"
                "    assert(_G[name] == nil, name)\n"
                "  end\n"
                "  assert(os.execute == nil and os.getenv == nil and string.dump == nil)\n"
                "  return {}, 'contained'\n"
                "end }\n");
    assert_true(rank(f, NULL, snapshot, &result));
    assert_string_equal(result.error, "");
    assert_string_equal(result.reason, "contained");
    snapshot_release(snapshot);
}

/* -- files that are no policies -- */

static void refuses(struct fixture *f, const char *text, const char *complaint)
{
    write_policy(f, "wrong", text);
    assert_null(load(f, "lowest_latency"));
    if (strstr(f->error, complaint) == NULL)
        fail_msg("expected '%s' in '%s'", complaint, f->error);
}

static void file_that_is_no_policy_is_refused(void **state)
{
    struct fixture *f = *state;
    copy_delivered_policy(f);
    refuses(f, "return {", "wrong.lua:1:");
    refuses(f, "error('early')", "wrong.lua:1: early");
    refuses(f, "return 7", "got a number (/");
    assert_non_null(strstr(f->error, "wrong.lua"));
    refuses(f, "return { rank = 7 }", "rank is a number");
    assert_non_null(strstr(f->error, "wrong.lua"));
    refuses(f, "while true do end", "instruction budget");
    refuses(f, "\x1bLua", "binary");
}

static void missing_default_is_refused_naming_the_known_ones(void **state)
{
    struct fixture *f = *state;
    copy_delivered_policy(f);
    assert_null(load(f, "nope"));
    assert_non_null(strstr(f->error, "lowest_latency"));
    assert_non_null(strstr(f->error, "'nope'"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(delivered_policy_gives_the_recorded_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(equal_latencies_go_by_name, setup, teardown),
        cmocka_unit_test_setup_teardown(without_a_healthy_one_the_fastest_degraded_is_used, setup, teardown),
        cmocka_unit_test_setup_teardown(without_any_there_is_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(candidates_carry_what_the_manual_says, setup, teardown),
        cmocka_unit_test_setup_teardown(unknown_policy_is_no_result, setup, teardown),
        cmocka_unit_test_setup_teardown(misbehaving_policy_is_answered_for_by_the_built_in_rule, setup, teardown),
        cmocka_unit_test_setup_teardown(policy_has_no_way_out, setup, teardown),
        cmocka_unit_test_setup_teardown(file_that_is_no_policy_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(missing_default_is_refused_naming_the_known_ones, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
