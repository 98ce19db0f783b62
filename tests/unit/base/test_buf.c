/* The buffer, also when memory runs out: its source is compiled in here with an allocator that can be told to fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int allocations_left = -1; /* -1 = no end */

static void *failing_realloc(void *block, size_t size)
{
    if (allocations_left == 0)
        return NULL;
    if (allocations_left > 0)
        --allocations_left;
    return realloc(block, size);
}

#define realloc failing_realloc
#include "base/buf.c" /* NOLINT(bugprone-suspicious-include) */
#undef realloc

static int let_allocations_succeed(void **state)
{
    (void)state;
    allocations_left = -1;
    return 0;
}

static void what_is_appended_is_there(void **state)
{
    struct buf b = BUF_EMPTY;
    (void)state;
    assert_string_equal(buf_text(&b), "");
    buf_append(&b, "a\0b", 3);
    buf_append_char(&b, 'c');
    buf_append_text(&b, "de");
    buf_printf(&b, "%d%s", 12, "");
    assert_int_equal(b.len, 8);
    assert_memory_equal(b.bytes, "a\0bcde12", 9); /* with its NUL */
    buf_append(&b, NULL, 0);
    assert_int_equal(b.len, 8);
    buf_dispose(&b);
    assert_int_equal(b.len, 0);
    assert_string_equal(buf_text(&b), "");
}

static void it_grows_over_every_length(void **state)
{
    char text[301];
    (void)state;
    memset(text, 'x', sizeof(text));
    for (int len = 0; len < 300; ++len) {
        struct buf b = BUF_EMPTY;
        buf_printf(&b, "%.*s", len, text);
        buf_append(&b, text, (size_t)len);
        assert_true(buf_ok(&b));
        assert_int_equal(b.len, 2 * len);
        assert_int_equal(strlen(buf_text(&b)), 2 * len);
        assert_true(b.capacity > b.len);
        buf_dispose(&b);
    }
}

static void cleared_it_keeps_its_memory(void **state)
{
    struct buf b = BUF_EMPTY;
    (void)state;
    buf_append_text(&b, "something");
    char *bytes = b.bytes;
    buf_clear(&b);
    assert_string_equal(buf_text(&b), "");
    allocations_left = 0;
    buf_append_text(&b, "else");
    assert_ptr_equal(b.bytes, bytes);
    assert_string_equal(buf_text(&b), "else");
    buf_dispose(&b);
}

static void out_of_memory_it_fails_for_good_and_keeps_what_it_had(void **state)
{
    struct buf b = BUF_EMPTY;
    char text[200];
    (void)state;
    memset(text, 'x', sizeof(text));
    buf_append_text(&b, "before");
    allocations_left = 0;
    buf_append(&b, text, sizeof(text));
    assert_false(buf_ok(&b));
    allocations_left = -1;
    buf_append_text(&b, "after");
    buf_printf(&b, "%d", 1);
    assert_false(buf_reserve(&b, 1));
    assert_string_equal(buf_text(&b), "before");
    buf_clear(&b);
    buf_append_text(&b, "again");
    assert_true(buf_ok(&b));
    assert_string_equal(buf_text(&b), "again");
    buf_dispose(&b);
}

static void a_length_that_no_memory_holds_is_refused(void **state)
{
    static const size_t lengths[] = {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX / 2, SIZE_MAX / 2 - 1};
    (void)state;
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); ++i) {
        struct buf b = BUF_EMPTY;
        buf_append_text(&b, "kept");
        allocations_left = 0;
        assert_false(buf_reserve(&b, lengths[i]));
        assert_false(buf_ok(&b));
        assert_string_equal(buf_text(&b), "kept");
        allocations_left = -1;
        buf_dispose(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_appended_is_there),
        cmocka_unit_test(it_grows_over_every_length),
        cmocka_unit_test_teardown(cleared_it_keeps_its_memory, let_allocations_succeed),
        cmocka_unit_test_teardown(out_of_memory_it_fails_for_good_and_keeps_what_it_had, let_allocations_succeed),
        cmocka_unit_test_teardown(a_length_that_no_memory_holds_is_refused, let_allocations_succeed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
