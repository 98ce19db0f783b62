/* One check to one row, in the table that it is for. What is not known is NULL. */
#include "store/store_internal.h"

#include "base/clock.h"

static const char *const insert_sql[RECORD_TABLES] = {
    [RECORD_CHECK] =
        "INSERT INTO provider_health_checks (provider_name, status, response_time_ms, uptime_percent,"
        " rate_limit_percent, last_check_timestamp, error_message, consecutive_failures, ok, reason, http_status,"
        " dns_ms, connect_ms, tls_ms, first_byte_ms, error_kind, key, rate_limit)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
    [RECORD_KEY_CHECK] =
        "INSERT INTO provider_key_checks (provider_name, key, status, ok, response_time_ms, rate_limit_percent,"
        " rate_limit, last_check_timestamp, error_message, consecutive_failures, reason, error_kind, http_status)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
    [RECORD_DEEP_CHECK] =
        "INSERT INTO provider_deep_checks (provider_name, key, rung, ok, error_kind, error_message, model_asked,"
        " model, first_token_ms, tokens_per_second, tokens, response_time_ms, http_status, last_check_timestamp)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
};

const char *record_insert_sql(enum record_table table)
{
    return insert_sql[table];
}

/* Binds one value after the other. */
struct binding {
    sqlite3_stmt *insert;
    int index;
};

/* The texts are bound where they lie: they outlive the step. */
static void bind_text(struct binding *binding, const struct packed_text *text)
{
    sqlite3_bind_text(binding->insert, ++binding->index, text->bytes, text->len, SQLITE_STATIC);
}

static void bind_text_or_null(struct binding *binding, const struct packed_text *text)
{
    if (text->len > 0)
        bind_text(binding, text);
    else
        sqlite3_bind_null(binding->insert, ++binding->index);
}

static void bind_real(struct binding *binding, double value)
{
    sqlite3_bind_double(binding->insert, ++binding->index, value);
}

/* Whole thousandths: a float widened to a double would bring digits that were never measured. */
static void bind_measure(struct binding *binding, double value)
{
    if (value >= 0 && value < 1e9)
        sqlite3_bind_double(binding->insert, ++binding->index, (double)(int64_t)(value * 1000.0 + 0.5) / 1000.0);
    else /* did not happen, or is not a number */
        sqlite3_bind_null(binding->insert, ++binding->index);
}

static void bind_integer(struct binding *binding, int64_t value)
{
    sqlite3_bind_int64(binding->insert, ++binding->index, value);
}

/* Numbers of keys, and HTTP's. */
static void bind_positive_or_null(struct binding *binding, int64_t value)
{
    if (value > 0)
        bind_integer(binding, value);
    else
        sqlite3_bind_null(binding->insert, ++binding->index);
}

static void bind_ok(struct binding *binding, const struct packed_check *check)
{
    if (check->counted)
        bind_integer(binding, check->ok);
    else
        sqlite3_bind_null(binding->insert, ++binding->index);
}

static void bind_status(struct binding *binding, const struct packed_check *check)
{
    const char *name = health_status_name((enum health_status)check->status);
    sqlite3_bind_text(binding->insert, ++binding->index, name, -1, SQLITE_STATIC);
}

static void bind_check(struct binding *binding, const struct packed_check *check, const struct packed_parts *parts,
                       const struct packed_text *checked)
{
    bind_text(binding, &parts->provider);
    bind_status(binding, check);
    bind_real(binding, check->response_time_ms);
    bind_real(binding, check->uptime_percent);
    bind_real(binding, check->rate_limit_percent);
    bind_text(binding, checked);
    bind_text(binding, &parts->message);
    bind_integer(binding, check->consecutive_failures);
    bind_ok(binding, check);
    bind_text_or_null(binding, &parts->reason);
    bind_positive_or_null(binding, check->http_status);
    bind_measure(binding, (double)check->dns_ms);
    bind_measure(binding, (double)check->connect_ms);
    bind_measure(binding, (double)check->tls_ms);
    bind_measure(binding, (double)check->first_byte_ms);
    bind_text_or_null(binding, &parts->kind);
    bind_positive_or_null(binding, check->key);
    bind_text_or_null(binding, &parts->rate_limit);
}

static void bind_key_check(struct binding *binding, const struct packed_check *check, const struct packed_parts *parts,
                           const struct packed_text *checked)
{
    bind_text(binding, &parts->provider);
    bind_integer(binding, check->key);
    bind_status(binding, check);
    bind_ok(binding, check);
    bind_real(binding, check->response_time_ms);
    bind_real(binding, check->rate_limit_percent);
    bind_text_or_null(binding, &parts->rate_limit);
    bind_text(binding, checked);
    bind_text(binding, &parts->message);
    bind_integer(binding, check->consecutive_failures);
    bind_text_or_null(binding, &parts->reason);
    bind_text_or_null(binding, &parts->kind);
    bind_positive_or_null(binding, check->http_status);
}

static void bind_deep_check(struct binding *binding, const struct packed_check *check, const struct packed_parts *parts,
                            const struct packed_text *checked)
{
    bind_text(binding, &parts->provider);
    bind_positive_or_null(binding, check->key);
    bind_text_or_null(binding, &parts->rung);
    bind_ok(binding, check);
    bind_text_or_null(binding, &parts->kind);
    bind_text(binding, &parts->message);
    bind_text_or_null(binding, &parts->model_asked);
    bind_text_or_null(binding, &parts->model);
    bind_measure(binding, parts->deep.first_token_ms);
    bind_measure(binding, parts->deep.tokens_per_second);
    bind_integer(binding, parts->deep.tokens);
    bind_real(binding, check->response_time_ms);
    bind_positive_or_null(binding, check->http_status);
    bind_text(binding, checked);
}

int record_insert(struct database *database, const struct packed_check *check)
{
    static void (*const bind[RECORD_TABLES])(struct binding *, const struct packed_check *, const struct packed_parts *,
                                             const struct packed_text *) = {
        [RECORD_CHECK] = bind_check,
        [RECORD_KEY_CHECK] = bind_key_check,
        [RECORD_DEEP_CHECK] = bind_deep_check,
    };
    char time[CLOCK_ISO_MAX];
    struct packed_text checked = {time, (int)clock_format_sql(check->checked_us, time)};
    struct packed_parts parts;
    struct binding binding = {.insert = database->insert[check->table]};

    packed_check_read(check, &parts);
    bind[check->table](&binding, check, &parts, &checked);
    sqlite3_step(binding.insert);
    return sqlite3_reset(binding.insert);
}
