#include "store/trace.h"

#include "base/clock.h"
#include "store/store_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUSY_TIMEOUT_MS = 5000, NAMES_MAX = 1000000 };

/* The columns that summand_read() reads, and the share of the limit. By the index's first column, so that a name is
 * looked up once. */
#define TRACE_SQL(ok, kind)                                                                                            \
    "SELECT id, provider_name, 0, '', last_check_timestamp, " ok                                                       \
    ", status, consecutive_failures, response_time_ms, " kind                                                          \
    ", NULL, NULL, rate_limit_percent FROM provider_health_checks ORDER BY provider_name"

static const char *const trace_sql[] = {
    [SCHEMA_SEED] = TRACE_SQL("NULL", "NULL"),          [SCHEMA_VERSION_1] = TRACE_SQL("ok", "NULL"),
    [SCHEMA_VERSION_2] = TRACE_SQL("ok", "error_kind"), [SCHEMA_VERSION_3] = TRACE_SQL("ok", "error_kind"),
    [SCHEMA_VERSION_4] = TRACE_SQL("ok", "error_kind"), [SCHEMA_WHOLE] = TRACE_SQL("ok", "error_kind"),
};

struct loading {
    struct trace *trace;
    int64_t from_us;
    int64_t now_us;
    size_t check_capacity;
    size_t name_capacity;
};

/* The name's index; names come in ascending order. -1 when memory ran out. */
static int64_t name_index(struct loading *loading, const struct summand *summand)
{
    struct trace *trace = loading->trace;
    if (trace->name_count != 0) {
        const char *last = trace->names[trace->name_count - 1];
        if (strlen(last) == summand->provider_len && memcmp(last, summand->provider, summand->provider_len) == 0)
            return (int64_t)trace->name_count - 1;
    }
    if (trace->name_count == loading->name_capacity) {
        size_t capacity = loading->name_capacity != 0 ? loading->name_capacity * 2 : 64;
        void *grown = capacity <= NAMES_MAX ? realloc(trace->names, capacity * sizeof(*trace->names)) : NULL;
        if (grown == NULL)
            return -1;
        trace->names = grown;
        loading->name_capacity = capacity;
    }
    memset(trace->names[trace->name_count], 0, PROVIDER_NAME_MAX);
    memcpy(trace->names[trace->name_count], summand->provider, summand->provider_len);
    return (int64_t)trace->name_count++;
}

static uint8_t kind_index(struct trace *trace, const char *kind)
{
    if (kind == NULL || kind[0] == '\0' || strlen(kind) >= HEALTH_KIND_MAX)
        return 0;
    size_t i = 1;
    while (i < trace->kind_count && strcmp(trace->kinds[i], kind) != 0)
        ++i;
    if (i == TRACE_KINDS_MAX)
        return 0;
    if (i == trace->kind_count)
        strcpy(trace->kinds[trace->kind_count++], kind);
    return (uint8_t)i;
}

static bool add_check(struct loading *loading, sqlite3_stmt *row)
{
    struct summand summand;
    struct trace *trace = loading->trace;
    if (!summand_read(row, RECORD_CHECK, loading->now_us, &summand) || summand.checked_us < loading->from_us ||
        summand.provider_len == 0 || summand.provider_len >= PROVIDER_NAME_MAX)
        return true; /* no check of ours, or too old */
    if (trace->count == loading->check_capacity) {
        size_t capacity = loading->check_capacity != 0 ? loading->check_capacity * 2 : 1024;
        struct trace_check *grown = realloc(trace->checks, capacity * sizeof(*grown));
        if (grown == NULL)
            return false;
        trace->checks = grown;
        loading->check_capacity = capacity;
    }
    int64_t name = name_index(loading, &summand);
    if (name < 0)
        return false;
    trace->checks[trace->count++] = (struct trace_check){
        .at_us = summand.checked_us,
        .latency_ms = summand.check.latency_ms > 0 ? (float)summand.check.latency_ms : 0,
        .used_percent = (float)sqlite3_column_double(row, 12),
        .provider = (uint32_t)name,
        .outcome = !summand.check.counted ? TRACE_NOTHING
                   : summand.check.up     ? TRACE_UP
                                          : TRACE_FAILED,
        .kind = kind_index(trace, summand.check.kind),
    };
    return true;
}

/* Equal times: in the order of names, whatever the sort does. */
static int by_time(const void *a, const void *b)
{
    const struct trace_check *x = a, *y = b;
    if (x->at_us != y->at_us)
        return x->at_us < y->at_us ? -1 : 1;
    return (x->provider > y->provider) - (x->provider < y->provider);
}

static int read_rows(struct loading *loading, sqlite3 *handle)
{
    enum schema_level level;
    sqlite3_stmt *statement = NULL;
    int step, result = schema_read_level(handle, &level);
    if (result == SQLITE_OK)
        result = sqlite3_prepare_v2(handle, trace_sql[level], -1, &statement, NULL);
    while (result == SQLITE_OK && (step = sqlite3_step(statement)) != SQLITE_DONE) {
        if (step != SQLITE_ROW)
            result = step;
        else if (!add_check(loading, statement))
            result = SQLITE_NOMEM;
    }
    sqlite3_finalize(statement);
    return result;
}

struct trace *trace_load(const char *path, int64_t from_us, char *error, size_t error_size)
{
    char reason[STORE_ERROR_MAX] = "out of memory";
    sqlite3 *handle = NULL;
    struct loading loading = {.trace = calloc(1, sizeof(struct trace)), .from_us = from_us, .now_us = clock_wall_us()};
    int result = SQLITE_NOMEM;
    if (loading.trace != NULL) {
        loading.trace->kind_count = 1;
        result = sqlite3_open_v2(path, &handle, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);
    }
    if (result == SQLITE_OK) {
        sqlite3_extended_result_codes(handle, 1);
        sqlite3_busy_timeout(handle, BUSY_TIMEOUT_MS);
        result = read_rows(&loading, handle);
    }
    if (result != SQLITE_OK) {
        if (handle != NULL)
            database_explain(handle, result, reason, sizeof(reason));
        snprintf(error, error_size, "%s: %s", path, reason);
        trace_free(loading.trace);
        sqlite3_close(handle);
        return NULL;
    }
    sqlite3_close(handle);
    if (loading.trace->count != 0)
        qsort(loading.trace->checks, loading.trace->count, sizeof(*loading.trace->checks), by_time);
    return loading.trace;
}

void trace_free(struct trace *trace)
{
    if (trace == NULL)
        return;
    free(trace->names);
    free(trace->checks);
    free(trace);
}
