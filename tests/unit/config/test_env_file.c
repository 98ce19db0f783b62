/* Env files: each form of a line, what is refused and where, and who wins. */
#include "config/env_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char path[] = "/tmp/providerd-env-XXXXXX";

static int make_file(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

static int read_bytes(const char *bytes, size_t len, struct environment *environment, char *error, size_t error_size)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
    return env_file_read(path, environment, error, error_size);
}

static const char *const nothing[] = {NULL};

static void each_form_of_a_line_is_read(void **state)
{
    static const struct {
        const char *line, *value; /* of A; NULL = unset or empty */
    } cases[] = {
        {"A=plain", "plain"},
        {"export A=plain", "plain"},
        {"export\tA=plain", "plain"},
        {"  A=plain  ", "plain"},
        {"A= led by a space", "led by a space"},
        {"A=plain\r", "plain"},
        {"A=with # a comment", "with"},
        {"A=with#no comment", "with#no comment"},
        {"A= # only a comment", NULL},
        {"A=", NULL},
        {"A=a=b", "a=b"},
        {"A='single \" \\n # taken as it is'", "single \" \\n # taken as it is"},
        {"A=\"double \\\" \\\\ \\t\\n'\"", "double \" \\ \t\n'"},
        {"A= \"after a space\"", "after a space"},
        {"A='' # empty", NULL},
        {"A='x' # a comment", "x"},
        {"A=it's", "it's"},
        {"A=$HOME", "$HOME"},
        {"# A=plain", NULL},
        {"", NULL},
        {"exportA=1\nA=2", "2"},
        {"A=1\nA=2", "1"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        char error[256] = "";
        struct environment *environment = environment_new(nothing);
        if (read_bytes(cases[i].line, strlen(cases[i].line), environment, error, sizeof(error)) != 0)
            fail_msg("%s", error);
        const char *value = environment_get(environment, "A");
        if (cases[i].value == NULL)
            assert_null(value);
        else if (value == NULL || strcmp(value, cases[i].value) != 0)
            fail_msg("[%s] gives [%s]", cases[i].line, value != NULL ? value : "nothing");
        environment_release(environment);
    }
}

static void a_wrong_line_is_named_and_its_value_is_not(void **state)
{
    static const struct {
        const char *text, *message;
        size_t len; /* 0 = that of the text */
    } cases[] = {
        {"A=1\n\nB", ":3: expected NAME=VALUE", 0},
        {"A = secret", ":1: expected NAME=VALUE", 0},
        {"1A=secret", ":1: expected NAME=VALUE", 0},
        {"A-B=secret", ":1: expected NAME=VALUE", 0},
        {"=secret", ":1: expected NAME=VALUE", 0},
        {"export", ":1: expected NAME=VALUE", 0},
        {"# c\nA='secret", ":2: a quoted value does not end, or something follows it", 0},
        {"A=\"secret\\\"", ":1: a quoted value does not end, or something follows it", 0},
        {"A='secret'more", ":1: a quoted value does not end, or something follows it", 0},
        {"A=sec\0ret\n", ":1: expected a text; got a NUL", 10},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        char error[256] = "", expected[256];
        struct environment *environment = environment_new(nothing);
        size_t len = cases[i].len != 0 ? cases[i].len : strlen(cases[i].text);
        assert_int_equal(read_bytes(cases[i].text, len, environment, error, sizeof(error)), -1);
        snprintf(expected, sizeof(expected), "%s%s", path, cases[i].message);
        assert_string_equal(error, expected);
        assert_null(strstr(error, "secret"));
        environment_release(environment);
    }
}

static void a_file_that_cannot_be_read_is_named_with_the_reason(void **state)
{
    char error[256] = "";
    (void)state;
    struct environment *environment = environment_new(nothing);
    assert_int_equal(env_file_read("/nonexistent.env", environment, error, sizeof(error)), -1);
    assert_string_equal(error, "/nonexistent.env: cannot be read: No such file or directory");
    assert_int_equal(env_file_read("/tmp", environment, error, sizeof(error)), -1);
    assert_string_equal(error, "/tmp: cannot be read: Is a directory");
    environment_release(environment);
}

static void the_environment_of_the_process_wins(void **state)
{
    static const char *const process[] = {"A=process", NULL};
    static const char text[] = "A=file\nB=file\n";
    char error[256];
    (void)state;
    struct environment *environment = environment_new(process);
    assert_int_equal(read_bytes(text, strlen(text), environment, error, sizeof(error)), 0);
    assert_string_equal(environment_get(environment, "A"), "process");
    assert_string_equal(environment_get(environment, "B"), "file");
    environment_release(environment);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_form_of_a_line_is_read),
        cmocka_unit_test(a_wrong_line_is_named_and_its_value_is_not),
        cmocka_unit_test(a_file_that_cannot_be_read_is_named_with_the_reason),
        cmocka_unit_test(the_environment_of_the_process_wins),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
