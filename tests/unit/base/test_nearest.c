/* "Did you mean": near words are found, far ones are not proposed. */
#include "base/nearest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char *const words[] = {"interval", "listen", "timeout", "idle_timeout"};
enum { WORD_COUNT = sizeof(words) / sizeof(words[0]) };

static void a_near_word_is_found(void **state)
{
    static const struct {
        const char *word, *nearest;
    } cases[] = {
        {"intervall", "interval"},        {"intervl", "interval"},  {"lisetn", "listen"}, {"TimeOut", "timeout"},
        {"idle-timeout", "idle_timeout"}, {"interval", "interval"}, {"litsne", "listen"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i)
        assert_string_equal(nearest_word(cases[i].word, words, WORD_COUNT), cases[i].nearest);
}

static void a_far_word_is_not_proposed(void **state)
{
    char endless[100];
    (void)state;
    memset(endless, 'x', sizeof(endless) - 1);
    endless[sizeof(endless) - 1] = '\0';
    assert_null(nearest_word("database", words, WORD_COUNT));
    assert_null(nearest_word("", words, WORD_COUNT));
    assert_null(nearest_word(endless, words, WORD_COUNT));
    assert_null(nearest_word("interval", words, 0));
}

static void the_first_of_two_equally_near_is_taken(void **state)
{
    static const char *const twins[] = {"cat", "bat"};
    (void)state;
    assert_string_equal(nearest_word("rat", twins, 2), "cat");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_near_word_is_found),
        cmocka_unit_test(a_far_word_is_not_proposed),
        cmocka_unit_test(the_first_of_two_equally_near_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
