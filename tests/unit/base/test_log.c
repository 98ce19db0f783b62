/* Log lines, read back from a pipe that stands in for stderr. */
#include "base/log.h"
#include "base/redact.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct capture {
    int saved_stderr;
    int pipe[2];
    char text[4096];
};

static void start_capture(struct capture *c)
{
    /* A packet pipe: each write(2) is read by itself. */
    assert_int_equal(pipe2(c->pipe, O_DIRECT | O_NONBLOCK), 0);
    c->saved_stderr = dup(STDERR_FILENO);
    dup2(c->pipe[1], STDERR_FILENO);
}

/* The number of writes; their bytes are in `text`. */
static size_t end_capture(struct capture *c)
{
    size_t writes = 0, len = 0;
    ssize_t got;
    dup2(c->saved_stderr, STDERR_FILENO);
    while ((got = read(c->pipe[0], c->text + len, sizeof(c->text) - 1 - len)) > 0) {
        len += (size_t)got;
        ++writes;
    }
    c->text[len] = '\0';
    close(c->saved_stderr);
    close(c->pipe[0]);
    close(c->pipe[1]);
    return writes;
}

static int leave_the_journal(void **state)
{
    (void)state;
    unsetenv("JOURNAL_STREAM");
    log_set_level(LOG_INFO);
    log_set_redactor(NULL);
    return 0;
}

static int enter_the_journal(void **state)
{
    (void)state;
    setenv("JOURNAL_STREAM", "8:1", 1);
    return 0;
}

static void a_line_is_one_write_with_time_level_and_component(void **state)
{
    struct capture c;
    (void)state;
    start_capture(&c);
    log_warning("scheduler", "%s: next check in %d s", "groq", 5);
    size_t writes = end_capture(&c);
    assert_int_equal(writes, 1);
    assert_string_equal(c.text + strlen("2026-11-23T08:22:14.217Z"), " warning scheduler: groq: next check in 5 s\n");
    assert_int_equal(c.text[10], 'T');
    assert_int_equal(c.text[23], 'Z');
}

static void the_journal_gets_levels_and_no_time(void **state)
{
    struct capture c;
    (void)state;
    log_set_level(LOG_DEBUG);
    start_capture(&c);
    log_error("a", "1");
    log_warning("a", "2");
    log_info("a", "3");
    log_debug("a", "4");
    assert_int_equal(end_capture(&c), 4);
    assert_string_equal(c.text, "<3>a: 1\n<4>a: 2\n<6>a: 3\n<7>a: 4\n");
}

static void lines_below_the_level_are_not_written(void **state)
{
    struct capture c;
    (void)state;
    log_set_level(LOG_WARNING);
    start_capture(&c);
    log_info("a", "quiet");
    log_debug("a", "quiet");
    log_warning("a", "loud");
    assert_int_equal(end_capture(&c), 1);
    assert_string_equal(c.text, "<4>a: loud\n");
}

static void a_text_cannot_forge_a_line_or_steer_a_terminal(void **state)
{
    struct capture c;
    (void)state;
    start_capture(&c);
    log_info("a", "x\n<3>b: forged\r\x1b[2J\t\x7f");
    log_info("a", "csi \xC2\x9B"
                  "2J, \xC2\xA9 and gr\xC3\xBC\xC3\x9F, cut \xC2");
    assert_int_equal(end_capture(&c), 2);
    assert_string_equal(c.text, "<6>a: x\\n<3>b: forged\\x0d\\x1b[2J\\x09\\x7f\n"
                                "<6>a: csi \\x9b2J, \xC2\xA9 and gr\xC3\xBC\xC3\x9F, cut \xC2\n");
}

static void secrets_do_not_reach_a_line(void **state)
{
    struct capture c;
    (void)state;
    struct redactor *r = redactor_new();
    assert_true(redactor_add(r, "my own password", 15));
    log_set_redactor(r);
    start_capture(&c);
    log_info("a", "with %s and %s", "my own password", "gsk_0123456789abcdef");
    end_capture(&c);
    log_set_redactor(NULL);
    redactor_free(r);
    assert_string_equal(c.text, "<6>a: with *** and ***\n");
}

static void level_names_are_read(void **state)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};
    enum log_level level;
    (void)state;
    for (int i = 0; i < 4; ++i) {
        assert_true(log_level_parse(names[i], &level));
        assert_int_equal(level, i);
    }
    assert_false(log_level_parse("loud", &level));
    assert_false(log_level_parse("", &level));
    assert_false(log_level_parse("INFO", &level));
}

#define in_the_journal(test) cmocka_unit_test_setup_teardown(test, enter_the_journal, leave_the_journal)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_line_is_one_write_with_time_level_and_component, leave_the_journal, NULL),
        in_the_journal(the_journal_gets_levels_and_no_time),
        in_the_journal(lines_below_the_level_are_not_written),
        in_the_journal(a_text_cannot_forge_a_line_or_steer_a_terminal),
        in_the_journal(secrets_do_not_reach_a_line),
        cmocka_unit_test(level_names_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
