/* Files of plugin folders that are served as they are. */
#include "serve/site.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

static char folder[64];
static const char *folders[] = {folder, NULL};

static void write_file(const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    for (char *slash = strchr(path + strlen(folder) + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int set_up(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/providerd-site-XXXXXX");
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    char command[96];
    (void)state;
    snprintf(command, sizeof(command), "rm -r %s", folder);
    return system(command);
}

static struct site *load(struct site *before)
{
    char error[256] = "";
    struct site *site = site_load(folders, before, error, sizeof(error));
    if (site == NULL)
        fail_msg("%s", error);
    return site;
}

static const struct site_file *find(const struct site *site, const char *path)
{
    return site_find(site, path, strlen(path));
}

static void folders_with_an_index_are_sites_and_others_are_not(void **state)
{
    (void)state;
    write_file("mine/index.html", "<p>");
    write_file("mine/deep/er/x.js", "x");
    write_file("mine/.hidden.js", "x");
    write_file("mine/notes.md", "x");
    write_file("alerts/extra.json", "{}");
    write_file("top.html", "x");
    struct site *site = load(NULL);
    assert_string_equal(find(site, "/mine/")->content_type, "text/html; charset=utf-8");
    assert_ptr_equal(find(site, "/mine/"), find(site, "/mine/index.html"));
    assert_string_equal(find(site, "/mine/deep/er/x.js")->bytes[0] == 'x' ? "x" : "", "x");
    static const char *const others[] = {"/mine",
                                         "/",
                                         "",
                                         "/mine/.hidden.js",
                                         "/mine/notes.md",
                                         "/alerts/extra.json",
                                         "/top.html",
                                         "/mine/deep/",
                                         "/mine/deep/../index.html"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); ++i)
        assert_null(find(site, others[i]));
    assert_null(find(NULL, "/mine/"));
    assert_null(site_find(site, "/mine/\0x", 8));
    site_release(site);
}

static void what_is_zipped_is_the_same(void **state)
{
    char text[5000], back[5000];
    uLongf len = sizeof(back);
    (void)state;
    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    write_file("mine/index.html", text);
    struct site *site = load(NULL);
    const struct site_file *file = find(site, "/mine/");
    assert_in_range(file->zipped_len, 1, 200);
    z_stream stream = {.next_in = (Bytef *)file->zipped,
                       .avail_in = (uInt)file->zipped_len,
                       .next_out = (Bytef *)back,
                       .avail_out = (uInt)len};
    assert_int_equal(inflateInit2(&stream, 16 + 15), Z_OK);
    assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
    inflateEnd(&stream);
    assert_int_equal(stream.total_out, file->len);
    assert_memory_equal(back, text, file->len);
    site_release(site);
}

/* Files have no stamp until they are a moment old. */
static void what_has_not_changed_is_not_read_again(void **state)
{
    (void)state;
    write_file("mine/index.html", "one");
    struct site *first = load(NULL), *second = NULL;
    for (int i = 0; i < 300 && second != first; ++i) {
        struct site *next = load(second);
        site_release(second);
        second = next;
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
        site_release(first);
        first = load(second);
    }
    assert_ptr_equal(first, second);
    write_file("mine/index.html", "two");
    struct site *third = load(second);
    assert_ptr_not_equal(third, second);
    assert_memory_equal(find(third, "/mine/")->bytes, "two", 3);
    assert_string_not_equal(find(third, "/mine/")->etag, find(second, "/mine/")->etag);
    site_release(first);
    site_release(second);
    site_release(third);
}

static void a_folder_that_is_missing_has_no_files(void **state)
{
    char error[256] = "";
    const char *none[] = {"/nonexistent", NULL};
    (void)state;
    struct site *site = site_load(none, NULL, error, sizeof(error));
    assert_non_null(site);
    assert_null(find(site, "/dashboard/"));
    site_release(site);
}

static void too_many_files_are_refused(void **state)
{
    char name[32], error[256] = "";
    (void)state;
    for (int i = 0; i <= SITE_FILES_MAX; ++i) {
        snprintf(name, sizeof(name), "mine/%d.js", i);
        write_file(name, "x");
    }
    assert_null(site_load(folders, NULL, error, sizeof(error)));
    assert_non_null(strstr(error, "there are too many files"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(folders_with_an_index_are_sites_and_others_are_not, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_zipped_is_the_same, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_has_not_changed_is_not_read_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_folder_that_is_missing_has_no_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(too_many_files_are_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("serve/site", tests, NULL, NULL);
}
