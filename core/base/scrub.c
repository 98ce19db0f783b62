#include "base/scrub.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

enum {
    ID_MIN = 6,           /* characters after a prefix that make it an id */
    ID_LONG = 16,         /* as many that they need not look random */
    EMAIL_LOCAL_MAX = 64, /* RFC 5321, 4.5.3.1.1 */
    USER_INFO_MAX = 512,
    ARN_FIELD_MAX = 64,
    PROJECT_ID_MIN = 6,
    PROJECT_NUMBER_MIN = 4,
    CREDENTIAL_GAP_MAX = 12, /* quotes, colon and spaces between a name and its value */
    CREDENTIAL_MIN = 8,
};

/* From where a matcher stands: how much stays, and how much after it goes. drop = 0: no match. */
struct hit {
    size_t keep, drop;
};

struct text {
    const char *bytes;
    size_t len;
};

typedef struct hit matcher(struct text text);

static const struct hit miss = {0, 0};

static size_t run_of(struct text text, size_t from, size_t most, bool (*belongs)(char))
{
    size_t end = from;
    while (end < text.len && end - from < most && belongs(text.bytes[end]))
        ++end;
    return end - from;
}

static bool begins_with(struct text text, const char *prefix)
{
    size_t len = strlen(prefix);
    return text.len >= len && memcmp(text.bytes, prefix, len) == 0;
}

static bool is_alnum(char c)
{
    return isalnum((unsigned char)c) != 0;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
    return isxdigit((unsigned char)c) != 0;
}

static bool is_id_char(char c)
{
    return is_alnum(c) || c == '-' || c == '_';
}

static bool is_local_char(char c)
{
    return is_alnum(c) || (c != '\0' && strchr("._%+-", c) != NULL);
}

static bool is_domain_char(char c)
{
    return is_alnum(c) || c == '.' || c == '-';
}

static bool is_arn_char(char c)
{
    return is_alnum(c) || c == '-';
}

static bool is_not_end(char c)
{
    return c != '\0' && !isspace((unsigned char)c) && strchr("\"'<>,;()[]{}`", c) == NULL;
}

static bool is_user_info_char(char c)
{
    return is_not_end(c) && c != '/' && c != '@' && c != '?';
}

static bool looks_random(const char *id, size_t len)
{
    bool random = len >= ID_LONG;
    for (size_t i = 0; i < len; ++i)
        random |= is_digit(id[i]) || isupper((unsigned char)id[i]);
    return random;
}

/* -- the matchers; each begins where no letter or digit stands before -- */

static struct hit prefixed_id(struct text text)
{
    static const char *const prefixes[] = {"org-",  "org_",  "user-", "user_",  "proj-",
                                           "proj_", "acct_", "cus_",  "wrkspc_"};
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); ++i) {
        if (!begins_with(text, prefixes[i]))
            continue;
        size_t prefix = strlen(prefixes[i]);
        size_t id = run_of(text, prefix, text.len, is_alnum);
        if (id >= ID_MIN && looks_random(text.bytes + prefix, id))
            return (struct hit){0, prefix + id};
    }
    return miss;
}

static struct hit uuid(struct text text)
{
    static const size_t groups[] = {8, 4, 4, 4, 12};
    size_t at = 0;
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); ++i) {
        if (i != 0 && (at >= text.len || text.bytes[at++] != '-'))
            return miss;
        if (run_of(text, at, groups[i], is_hex) != groups[i])
            return miss;
        at += groups[i];
    }
    return at < text.len && is_alnum(text.bytes[at]) ? miss : (struct hit){0, at};
}

static struct hit email(struct text text)
{
    size_t local = run_of(text, 0, EMAIL_LOCAL_MAX, is_local_char);
    if (local == 0 || local >= text.len || text.bytes[local] != '@')
        return miss;
    size_t domain = run_of(text, local + 1, 255, is_domain_char);
    while (domain != 0 && !is_alnum(text.bytes[local + domain])) /* the full stop of a sentence */
        --domain;
    return memchr(text.bytes + local + 1, '.', domain) != NULL ? (struct hit){0, local + 1 + domain} : miss;
}

static struct hit url_user(struct text text)
{
    size_t scheme = begins_with(text, "https://") ? 8 : begins_with(text, "http://") ? 7 : 0;
    if (scheme == 0)
        return miss;
    size_t user = run_of(text, scheme, USER_INFO_MAX, is_user_info_char);
    bool is_user = user != 0 && scheme + user < text.len && text.bytes[scheme + user] == '@';
    return is_user ? (struct hit){scheme, user} : miss;
}

static struct hit project_path(struct text text)
{
    if (!begins_with(text, "projects/"))
        return miss;
    size_t at = strlen("projects/");
    size_t id = run_of(text, at, text.len, is_id_char);
    if (id >= PROJECT_NUMBER_MIN && run_of(text, at, id, is_digit) == id)
        return (struct hit){at, id};
    bool marked = false;
    for (size_t i = at; i < at + id; ++i)
        marked |= is_digit(text.bytes[i]) || text.bytes[i] == '-';
    return id >= PROJECT_ID_MIN && marked ? (struct hit){at, id} : miss;
}

static struct hit project_number(struct text text)
{
    static const char *const names[] = {"project_number", "projectNumber", "project"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); ++i) {
        if (!begins_with(text, names[i]))
            continue;
        size_t at = strlen(names[i]), gap = at;
        while (gap < text.len && gap - at < 5 && text.bytes[gap] != '\0' &&
               strchr(" :=#'\"\\", text.bytes[gap]) != NULL)
            ++gap;
        size_t digits = run_of(text, gap, text.len, is_digit);
        return gap != at && digits >= ID_MIN ? (struct hit){gap, digits} : miss;
    }
    return miss;
}

static struct hit account_path(struct text text)
{
    size_t at = strlen("accounts/");
    return begins_with(text, "accounts/") && run_of(text, at, 33, is_hex) == 32 ? (struct hit){at, 32} : miss;
}

/* arn:partition:service:region:account:resource */
static struct hit arn(struct text text)
{
    if (!begins_with(text, "arn:"))
        return miss;
    size_t at = 4;
    struct text service = {NULL, 0};
    for (int field = 0; field < 3; ++field) {
        size_t len = run_of(text, at, ARN_FIELD_MAX, is_arn_char);
        if (field == 1)
            service = (struct text){text.bytes + at, len};
        at += len;
        if (at >= text.len || text.bytes[at++] != ':')
            return miss;
    }
    size_t account = run_of(text, at, 13, is_digit);
    if (account != 12)
        return miss;
    bool names_person = service.len == 3 && (begins_with(service, "iam") || begins_with(service, "sts"));
    return (struct hit){at, names_person ? run_of(text, at, text.len, is_not_end) : account};
}

static bool is_credential_char(char c)
{
    return is_not_end(c) && c != '&' && c != '\\';
}

/* The value behind a name, as JSON or a form has it: "access_token": "…", access_token=… */
static struct hit credential(struct text text)
{
    static const char *const names[] = {"access_token", "accessToken", "refresh_token",   "refreshToken", "id_token",
                                        "idToken",      "token",       "client_secret",   "clientSecret", "secret",
                                        "api_key",      "apiKey",      "SecretAccessKey", "SessionToken", "password"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); ++i) {
        size_t at = strlen(names[i]);
        if (!begins_with(text, names[i]) || at >= text.len || is_id_char(text.bytes[at]))
            continue;
        size_t gap = at;
        while (gap < text.len && gap - at < CREDENTIAL_GAP_MAX && text.bytes[gap] != '\0' &&
               strchr(" \n\t:=\"", text.bytes[gap]) != NULL)
            ++gap;
        bool named = memchr(text.bytes + at, ':', gap - at) != NULL || memchr(text.bytes + at, '=', gap - at) != NULL;
        size_t value = run_of(text, gap, text.len, is_credential_char);
        bool whole = gap + value >= text.len || !isspace((unsigned char)text.bytes[gap + value]);
        return named && whole && value >= CREDENTIAL_MIN ? (struct hit){gap, value} : miss;
    }
    return miss;
}

void scrub(const char *text, size_t len, struct buf *out)
{
    static matcher *const matchers[] = {prefixed_id,    uuid,         email, url_user,  project_path,
                                        project_number, account_path, arn,   credential};
    for (size_t i = 0; i < len;) {
        struct hit hit = miss;
        bool begins = is_alnum(text[i]) && (i == 0 || !is_alnum(text[i - 1]));
        for (size_t m = 0; begins && hit.drop == 0 && m < sizeof(matchers) / sizeof(matchers[0]); ++m)
            hit = matchers[m]((struct text){text + i, len - i});
        if (hit.drop == 0) {
            buf_append_char(out, text[i++]);
            continue;
        }
        buf_append(out, text + i, hit.keep);
        buf_append_text(out, "***");
        i += hit.keep + hit.drop;
    }
}

/* -- headers -- */

/* Whether one of the words that '-' and '_' make of the name is in the list. */
static bool has_word(const char *name, size_t len, const char *const *words, size_t count)
{
    for (size_t at = 0; at < len;) {
        size_t end = at;
        while (end < len && name[end] != '-' && name[end] != '_')
            ++end;
        for (size_t i = 0; i < count; ++i) {
            if (strlen(words[i]) == end - at && strncasecmp(name + at, words[i], end - at) == 0)
                return true;
        }
        at = end + 1;
    }
    return false;
}

enum scrub_header scrub_header(const char *name, size_t len)
{
    static const char *const hidden[] = {"cookie", "organization", "org",       "account",       "project",
                                         "tenant", "customer",     "workspace", "team",          "user",
                                         "key",    "token",        "secret",    "authorization", "password"};
    static const char *const open[] = {"agent", "ratelimit", "limit"}; /* user-agent; limits of a project or key */
    static const char *const request[] = {"request", "requestid", "ray", "trace", "traceparent"};

    if (has_word(name, len, open, sizeof(open) / sizeof(open[0])))
        return SCRUB_HEADER_TEXT;
    if (has_word(name, len, hidden, sizeof(hidden) / sizeof(hidden[0])))
        return SCRUB_HEADER_HIDE;
    return has_word(name, len, request, sizeof(request) / sizeof(request[0])) ? SCRUB_HEADER_REQUEST_ID
                                                                              : SCRUB_HEADER_TEXT;
}
