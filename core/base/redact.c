#include "base/redact.h"

#include <ctype.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    SECRET_MIN = 6,   /* shorter ones would eat ordinary words */
    KEY_TAIL_MIN = 8, /* characters after a known prefix that make it a key */
    STARS_MIN = 3,    /* asterisks in a row that make a word a masked key */
    RISES_MIN = 4,    /* changes from small to capital letter that no CamelCase name of an error text has */
};

struct known {
    char *bytes;
    size_t len;
};

struct redactor {
    pthread_mutex_t lock;
    struct known *secrets; /* longest first, so that a secret inside another does not leave its rest */
    size_t count;
    size_t capacity;
};

/* How keys and identities begin; sources: the vendors' pages cited in providers/. */
static const char *const key_prefixes[] = {
    "sk-", "gsk_",  "hf_",  "nvapi-", "AIza",  "AQ.",  "xai-", "csk-",
    "fw_", "pplx-", "g4f_", "gfs_",   "ya29.", "ghp_", "1//",
};
static const char *const identity_prefixes[] = {"org-", "org_", "user_", "user-"};

struct redactor *redactor_new(void)
{
    struct redactor *r = calloc(1, sizeof(*r));
    if (r != NULL)
        pthread_mutex_init(&r->lock, NULL);
    return r;
}

void redactor_free(struct redactor *r)
{
    if (r == NULL)
        return;
    for (size_t i = 0; i < r->count; ++i) {
        explicit_bzero(r->secrets[i].bytes, r->secrets[i].len);
        free(r->secrets[i].bytes);
    }
    free(r->secrets);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

/* Whether the encoded text differs. Room is made at once: a buf that grows would leave copies behind, unwiped. */
static bool percent_encode(const char *bytes, size_t len, const char *format, struct buf *out)
{
    bool differs = false;
    if (len > SIZE_MAX / 8 || !buf_reserve(out, 3 * len))
        return false;
    for (size_t i = 0; i < len; ++i) {
        unsigned char c = (unsigned char)bytes[i];
        if (isalnum(c) || c == '-' || c == '.' || c == '_' || c == '~') {
            buf_append_char(out, (char)c);
        } else {
            char hex[4];
            snprintf(hex, sizeof(hex), format, c);
            buf_append(out, hex, 3);
            differs = true;
        }
    }
    return differs;
}

static bool insert(struct redactor *r, const char *bytes, size_t len)
{
    size_t position = 0;
    for (size_t i = 0; i < r->count; ++i) {
        if (r->secrets[i].len == len && memcmp(r->secrets[i].bytes, bytes, len) == 0)
            return true;
        if (r->secrets[i].len >= len)
            position = i + 1;
    }
    if (r->count == r->capacity) {
        size_t capacity = r->capacity != 0 ? r->capacity * 2 : 16;
        struct known *grown = realloc(r->secrets, capacity * sizeof(*grown));
        if (grown == NULL)
            return false;
        r->secrets = grown;
        r->capacity = capacity;
    }
    char *copy = malloc(len);
    if (copy == NULL)
        return false;
    memcpy(copy, bytes, len);
    memmove(&r->secrets[position + 1], &r->secrets[position], (r->count - position) * sizeof(*r->secrets));
    r->secrets[position] = (struct known){copy, len};
    ++r->count;
    return true;
}

bool redactor_add(struct redactor *r, const char *secret, size_t len)
{
    if (len < SECRET_MIN)
        return true;
    static const char *const formats[] = {"%%%02X", "%%%02x"}; /* RFC 3986, 2.1: either case */
    pthread_mutex_lock(&r->lock);
    bool added = insert(r, secret, len);
    for (size_t i = 0; added && i < sizeof(formats) / sizeof(formats[0]); ++i) {
        struct buf encoded = BUF_EMPTY;
        bool differs = percent_encode(secret, len, formats[i], &encoded);
        added = buf_ok(&encoded) && (!differs || insert(r, buf_text(&encoded), encoded.len));
        if (encoded.bytes != NULL)
            explicit_bzero(encoded.bytes, encoded.len);
        buf_dispose(&encoded);
    }
    pthread_mutex_unlock(&r->lock);
    return added;
}

/* -- the first net: known values -- */

static size_t known_at(const struct redactor *r, const char *text, size_t left)
{
    for (size_t i = 0; i < r->count; ++i) {
        const struct known *secret = &r->secrets[i];
        if (secret->len <= left && text[0] == secret->bytes[0] && memcmp(text, secret->bytes, secret->len) == 0)
            return secret->len;
    }
    return 0;
}

static void replace_known(struct redactor *r, const char *text, size_t len, struct buf *out)
{
    pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < len;) {
        size_t hit = known_at(r, text + i, len - i);
        if (hit != 0)
            buf_append_text(out, "***");
        else
            buf_append_char(out, text[i]);
        i += hit != 0 ? hit : 1;
    }
    pthread_mutex_unlock(&r->lock);
}

/* -- the second net: looks -- */

static bool is_key_char(char c)
{
    return isalnum((unsigned char)c) || (c != '\0' && strchr("-_.~/+*", c) != NULL); /* RFC 6750, 2.1, and masks */
}

static bool is_masked(const char *word, size_t len)
{
    size_t stars = 0;
    for (size_t i = 0; i < len; ++i) {
        stars = word[i] == '*' ? stars + 1 : 0;
        if (stars >= STARS_MIN && len > STARS_MIN)
            return true;
    }
    return false;
}

static bool has_digit(const char *word, size_t len)
{
    for (size_t i = 0; i < len; ++i) {
        if (isdigit((unsigned char)word[i]))
            return true;
    }
    return false;
}

static bool looks_random(const char *word, size_t len)
{
    size_t rises = 0;
    for (size_t i = 1; i < len; ++i)
        rises += islower((unsigned char)word[i - 1]) && isupper((unsigned char)word[i]);
    return rises >= RISES_MIN || has_digit(word, len);
}

/* The length of the prefix that the word begins with, 0 when with none. */
static size_t prefix_length(const char *word, size_t len, const char *const *prefixes, size_t count)
{
    for (size_t i = 0; i < count; ++i) {
        size_t prefix = strlen(prefixes[i]);
        if (len >= prefix + KEY_TAIL_MIN && memcmp(word, prefixes[i], prefix) == 0)
            return prefix;
    }
    return 0;
}

static bool looks_like_identity(const char *word, size_t len)
{
    size_t prefix =
        prefix_length(word, len, identity_prefixes, sizeof(identity_prefixes) / sizeof(identity_prefixes[0]));
    size_t end = prefix;
    while (prefix != 0 && end < len && isalnum((unsigned char)word[end]))
        ++end;
    return end - prefix >= KEY_TAIL_MIN && looks_random(word + prefix, end - prefix);
}

static bool looks_like_key(const char *word, size_t len)
{
    size_t prefix = prefix_length(word, len, key_prefixes, sizeof(key_prefixes) / sizeof(key_prefixes[0]));
    return prefix != 0 && looks_random(word + prefix, len - prefix);
}

/* Where in a word that may be a path its key or identity begins; `len` when there is none. */
static size_t find_key(const char *word, size_t len)
{
    for (size_t i = 0; i < len; ++i) {
        if (i == 0 || word[i - 1] == '/') {
            const char *slash = i == 0 ? NULL : memchr(word + i, '/', len - i);
            size_t part = slash != NULL ? (size_t)(slash - word) - i : len - i;
            if (looks_like_key(word + i, part) || looks_like_identity(word + i, part))
                return i;
        }
    }
    return len;
}

/* The word a bearer token is announced by: what follows it is one, whatever it looks like. */
static bool announces_token(const char *word, size_t len)
{
    return len == 6 && strncasecmp(word, "bearer", 6) == 0;
}

static void replace_by_looks(const char *text, size_t len, struct buf *out)
{
    bool after_bearer = false;
    for (size_t i = 0; i < len;) {
        if (!is_key_char(text[i])) {
            after_bearer = after_bearer && (text[i] == ' ' || text[i] == ':');
            buf_append_char(out, text[i++]);
            continue;
        }
        size_t end = i;
        while (end < len && is_key_char(text[end]))
            ++end;
        size_t word = end - i;
        bool token = after_bearer && word >= KEY_TAIL_MIN && has_digit(text + i, word);
        size_t plain = token || is_masked(text + i, word) ? 0 : find_key(text + i, word);
        buf_append(out, text + i, plain);
        if (plain < word)
            buf_append_text(out, "***");
        after_bearer = announces_token(text + i, word);
        i = end;
    }
}

void redact(struct redactor *r, const char *text, size_t len, struct buf *out)
{
    if (r == NULL) {
        replace_by_looks(text, len, out);
        return;
    }
    struct buf without_known = BUF_EMPTY;
    replace_known(r, text, len, &without_known);
    if (buf_ok(&without_known))
        replace_by_looks(buf_text(&without_known), without_known.len, out);
    else
        out->failed = true;
    buf_dispose(&without_known);
}
