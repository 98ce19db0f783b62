#include "value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    h2o_mem_pool_t *pool;
    const char *start, *at, *end;
    const char *expected; /* what was missing at `at`; NULL: no error yet */
    unsigned depth;
};

static struct value *read_value(struct reader *r);

static void *fail(struct reader *r, const char *expected)
{
    if (r->expected == NULL)
        r->expected = expected;
    return NULL;
}

static void skip_space(struct reader *r)
{
    while (r->at < r->end && memchr(" \t\r\n", *r->at, 4) != NULL)
        r->at++;
}

static bool take(struct reader *r, char c)
{
    skip_space(r);
    if (r->at == r->end || *r->at != c)
        return false;
    r->at++;
    return true;
}

/* Four hexadecimal digits; -1 when they are not there. */
static int32_t read_hex4(struct reader *r)
{
    int32_t code = 0;
    if (r->end - r->at < 4)
        return -1;
    for (int i = 0; i < 4; i++, r->at++) {
        char c = *r->at;
        if (c >= '0' && c <= '9')
            code = code * 16 + (c - '0');
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            code = code * 16 + ((c | 0x20) - 'a' + 10);
        else
            return -1;
    }
    return code;
}

static char *put_utf8(char *out, int32_t code)
{
    if (code < 0x80) {
        *out++ = (char)code;
        return out;
    }
    int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    static const unsigned char lead[] = {0, 0xc0, 0xe0, 0xf0};
    *out++ = (char)(lead[more] | (code >> (6 * more)));
    while (more-- > 0)
        *out++ = (char)(0x80 | ((code >> (6 * more)) & 0x3f));
    return out;
}

/* After "\u"; a pair of surrogates becomes one character. NULL when it is none. */
static char *read_unicode(struct reader *r, char *out)
{
    int32_t code = read_hex4(r);
    if (code >= 0xd800 && code < 0xdc00 && r->end - r->at >= 6 && r->at[0] == '\\' && r->at[1] == 'u') {
        r->at += 2;
        int32_t low = read_hex4(r);
        if (low < 0xdc00 || low > 0xdfff)
            return NULL;
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    return code < 0 ? NULL : put_utf8(out, code);
}

/* After the quote. The decoded text is never longer than the written one. */
static bool read_text(struct reader *r, h2o_iovec_t *text)
{
    static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    const char *quote = r->at;
    while (quote < r->end && *quote != '"')
        quote += *quote == '\\' ? 2 : 1;
    if (quote >= r->end)
        return fail(r, "a closing quote") != NULL;
    char *out = text->base = h2o_mem_alloc_pool(r->pool, (size_t)(quote - r->at) + 1);
    while (r->at < quote) {
        char c = *r->at++;
        if ((unsigned char)c < 0x20)
            return fail(r, "an escape instead of a control character") != NULL;
        if (c == '\\') {
            c = *r->at++;
            const char *letter = memchr(letters, c, sizeof(letters) - 1);
            if (letter != NULL)
                *out++ = meant[letter - letters];
            else if (c != 'u' || (out = read_unicode(r, out)) == NULL)
                return fail(r, "an escape of JSON") != NULL;
        } else {
            *out++ = c;
        }
    }
    r->at++;
    *out = '\0';
    text->len = (size_t)(out - text->base);
    return true;
}

static bool read_number(struct reader *r, struct value *value)
{
    char copy[64], *rest;
    size_t len = 0;
    while (r->at + len < r->end && memchr("+-.0123456789eE", r->at[len], 15) != NULL)
        len++;
    if (len == 0 || len >= sizeof(copy))
        return fail(r, "a value") != NULL;
    memcpy(copy, r->at, len);
    copy[len] = '\0';
    value->number = strtod(copy, &rest);
    if (*rest != '\0' || memchr("-0123456789", *copy, 11) == NULL)
        return fail(r, "a number of JSON") != NULL;
    r->at += len;
    value->kind = VALUE_NUMBER;
    return true;
}

static bool read_word(struct reader *r, struct value *value)
{
    static const char *const words[] = {"null", "false", "true"};
    for (int kind = VALUE_NULL; kind <= VALUE_TRUE; kind++) {
        size_t len = strlen(words[kind]);
        if ((size_t)(r->end - r->at) >= len && memcmp(r->at, words[kind], len) == 0) {
            r->at += len;
            value->kind = (enum value_kind)kind;
            return true;
        }
    }
    return read_number(r, value);
}

static bool read_name(struct reader *r, h2o_iovec_t *name)
{
    if (!take(r, '"'))
        return fail(r, "a member's name in quotes") != NULL;
    return read_text(r, name) && (take(r, ':') || fail(r, "\":\" after the name") != NULL);
}

static bool read_items(struct reader *r, struct value *parent, char close)
{
    struct value **link = &parent->first;
    if (take(r, close))
        return true;
    do {
        h2o_iovec_t name = {NULL, 0};
        if (close == '}' && !read_name(r, &name))
            return false;
        struct value *item = read_value(r);
        if (item == NULL)
            return false;
        item->name = name;
        *link = item;
        link = &item->next;
    } while (take(r, ','));
    return take(r, close) || fail(r, close == '}' ? "\",\" or \"}\"" : "\",\" or \"]\"") != NULL;
}

static struct value *read_value(struct reader *r)
{
    struct value *value = h2o_mem_alloc_pool(r->pool, sizeof(*value));
    *value = (struct value){.kind = VALUE_NULL};
    skip_space(r);
    const char *start = r->at;
    bool good;
    if (++r->depth > VALUE_DEPTH_MAX)
        return fail(r, "fewer levels");
    if (take(r, '{')) {
        value->kind = VALUE_OBJECT;
        good = read_items(r, value, '}');
    } else if (take(r, '[')) {
        value->kind = VALUE_ARRAY;
        good = read_items(r, value, ']');
    } else if (take(r, '"')) {
        value->kind = VALUE_TEXT;
        good = read_text(r, &value->text);
    } else {
        good = read_word(r, value);
    }
    r->depth--;
    value->raw = h2o_iovec_init(start, (size_t)(r->at - start));
    return good ? value : NULL;
}

const struct value *value_read(h2o_mem_pool_t *pool, h2o_iovec_t text, char error[VALUE_ERROR_MAX])
{
    struct reader r = {.pool = pool, .start = text.base, .at = text.base, .end = text.base + text.len};
    const struct value *value = text.base != NULL ? read_value(&r) : fail(&r, "a value");
    if (value != NULL) {
        skip_space(&r);
        if (r.at < r.end)
            value = fail(&r, "nothing more");
    }
    if (value == NULL)
        snprintf(error, VALUE_ERROR_MAX, "not JSON at byte %zu: expected %s", (size_t)(r.at - r.start), r.expected);
    return value;
}

const struct value *value_member(const struct value *object, const char *name)
{
    const struct value *found = NULL;
    if (object == NULL || object->kind != VALUE_OBJECT)
        return NULL;
    for (const struct value *v = object->first; v != NULL; v = v->next)
        if (h2o_memis(v->name.base, v->name.len, name, strlen(name)))
            found = v;
    return found;
}

bool value_is_set(const struct value *value)
{
    return value != NULL && value->kind != VALUE_NULL && value->kind != VALUE_FALSE;
}

h2o_iovec_t value_text(const struct value *value)
{
    return value != NULL && value->kind == VALUE_TEXT ? value->text : h2o_iovec_init(H2O_STRLIT(""));
}

double value_number(const struct value *value, double fallback)
{
    return value != NULL && value->kind == VALUE_NUMBER ? value->number : fallback;
}
