/* Which models are one and the same. */
#include "health/aliases.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static char *llama_ids[] = {"llama-3.3-70b-versatile", "Accounts/*/Models/llama-v3p3-70b*", "llama3.3", NULL};
static char *gpt_ids[] = {"azure/gpt-?o", "*-4o-latest", NULL};
static char *late_ids[] = {"llama-3.3-70b-versatile", "unheard-of", NULL};
static struct model_alias aliases[] = {
    {(char[]){"Llama-3.3-70B"}, llama_ids}, {(char[]){"gpt-4o"}, gpt_ids}, {(char[]){"zz-late"}, late_ids}};

static int make_list(void **state)
{
    struct config config = {.aliases = aliases, .alias_count = 3};
    *state = alias_list_new(&config);
    return *state == NULL;
}

static int release_list(void **state)
{
    alias_list_release(*state);
    return 0;
}

static void expect_name(const struct alias_list *list, const char *id, const char *expected)
{
    char name[MODEL_NAME_MAX];
    memset(name, '#', sizeof(name));
    model_name(list, id, name);
    assert_string_equal(name, expected);
}

static void case_vendor_and_variant_do_not_count(void **state)
{
    static const struct {
        const char *id, *name;
    } cases[] = {
        {"gpt-4o", "gpt-4o"},
        {"GPT-4o", "gpt-4o"},
        {"openai/gpt-4o", "gpt-4o"},
        {"models/gemini-2.0-flash", "gemini-2.0-flash"},
        {"@cf/meta/Llama-3.1-8B-Instruct", "llama-3.1-8b-instruct"},
        {"meta-llama/Llama-3.3-70B-Instruct:free", "llama-3.3-70b-instruct"},
        {"a:latest", "a"},
        {"a:NITRO", "a"},
        {"a:floor", "a"},
        {"a:extended", "a"},
        {"a:fastest", "a"},
        {"a:cheapest", "a"},
        {":free", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i)
        expect_name(NULL, cases[i].id, cases[i].name);
}

static void what_tells_models_apart_stays(void **state)
{
    (void)state;
    expect_name(NULL, "llama3:8b", "llama3:8b"); /* a size, not a variant */
    expect_name(NULL, "a:freedom", "a:freedom");
    expect_name(NULL, "a:free:8b", "a:free:8b");
    expect_name(NULL, "a-free", "a-free");
    expect_name(NULL, "a:", "a:");
    expect_name(NULL, "vendor/", "vendor/");
    expect_name(NULL, "/", "/");
    expect_name(NULL, "", "");
    expect_name(NULL, "Mod\xC3\x89LE", "mod\xC3\x89le"); /* bytes beyond ASCII are left alone */
}

static void long_ids_are_cut_not_overrun(void **state)
{
    char id[400], expected[MODEL_NAME_MAX];
    (void)state;
    memset(id, 'A', sizeof(id));
    memset(expected, 'a', sizeof(expected));
    expected[MODEL_NAME_MAX - 1] = '\0';
    id[MODEL_NAME_MAX - 1] = '\0';
    expect_name(NULL, id, expected);
    id[MODEL_NAME_MAX - 1] = 'A';
    id[sizeof(id) - 1] = '\0';
    expect_name(NULL, id, expected);
}

static void an_alias_gathers_what_it_holds(void **state)
{
    expect_name(*state, "llama-3.3-70b-versatile", "llama-3.3-70b");
    expect_name(*state, "Groq/LLAMA-3.3-70b-Versatile:free", "llama-3.3-70b");
    expect_name(*state, "llama-3.3-70b", "llama-3.3-70b"); /* by its own name, */
    expect_name(*state, "meta/Llama-3.3-70B", "llama-3.3-70b");
    expect_name(*state, "llama3.3", "llama-3.3-70b");
    expect_name(*state, "llama3.3:latest", "llama-3.3-70b");
    expect_name(*state, "llama3.3:8b", "llama3.3:8b");
    expect_name(*state, "llama-3.3-70b-versatile-2", "llama-3.3-70b-versatile-2"); /* whole names only */
    expect_name(*state, "x-llama3.3", "x-llama3.3");
}

static void patterns_are_matched_with_and_without_vendor(void **state)
{
    expect_name(*state, "accounts/fireworks/models/llama-v3p3-70b-instruct", "llama-3.3-70b");
    expect_name(*state, "ACCOUNTS/a/b/models/llama-v3p3-70b", "llama-3.3-70b"); /* * reaches over slashes */
    expect_name(*state, "accounts/fireworks/llama-v3p3-70b", "llama-v3p3-70b");
    expect_name(*state, "azure/gpt-4o", "gpt-4o");
    expect_name(*state, "azure/gpt-5o", "gpt-4o");
    expect_name(*state, "azure/gpt-55o", "gpt-55o");
    expect_name(*state, "chatgpt-4o-latest", "gpt-4o");
    expect_name(*state, "openai/chatgpt-4o-latest", "gpt-4o");
}

static void the_first_alias_that_holds_an_id_has_it(void **state)
{
    expect_name(*state, "llama-3.3-70b-versatile", "llama-3.3-70b");
    expect_name(*state, "unheard-of", "zz-late");
}

static void a_list_is_a_copy(void **state)
{
    char name[] = "n", id[] = "i";
    char *ids[] = {id, NULL};
    struct model_alias alias = {name, ids};
    struct config config = {.aliases = &alias, .alias_count = 1};
    (void)state;
    struct alias_list *list = alias_list_new(&config);
    assert_non_null(list);
    name[0] = id[0] = 'x';
    expect_name(list, "i", "n");
    expect_name(list, "x", "x");
    alias_list_release(list);
}

static void it_lives_until_the_last_reference_goes(void **state)
{
    struct config config = {.aliases = aliases, .alias_count = 1};
    (void)state;
    struct alias_list *list = alias_list_new(&config);
    assert_ptr_equal(alias_list_retain(list), list);
    alias_list_release(list);
    expect_name(list, "llama3.3", "llama-3.3-70b");
    alias_list_release(list);
    alias_list_release(NULL);
}

static void no_aliases_are_an_empty_list(void **state)
{
    struct config config = {0};
    (void)state;
    struct alias_list *list = alias_list_new(&config);
    assert_non_null(list);
    expect_name(list, "A/b", "b");
    alias_list_release(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_vendor_and_variant_do_not_count),
        cmocka_unit_test(what_tells_models_apart_stays),
        cmocka_unit_test(long_ids_are_cut_not_overrun),
        cmocka_unit_test_setup_teardown(an_alias_gathers_what_it_holds, make_list, release_list),
        cmocka_unit_test_setup_teardown(patterns_are_matched_with_and_without_vendor, make_list, release_list),
        cmocka_unit_test_setup_teardown(the_first_alias_that_holds_an_id_has_it, make_list, release_list),
        cmocka_unit_test(a_list_is_a_copy),
        cmocka_unit_test(it_lives_until_the_last_reference_goes),
        cmocka_unit_test(no_aliases_are_an_empty_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
