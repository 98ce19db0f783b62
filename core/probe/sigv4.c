#include "probe/sigv4.h"

#include "base/buf.h"

#include <ctype.h>
#include <curl/curl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { DIGEST_BYTES = 32, HEX_SIZE = 2 * DIGEST_BYTES + 1 };

static void to_hex(const unsigned char *digest, char out[HEX_SIZE])
{
    for (size_t i = 0; i < DIGEST_BYTES; ++i)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

static bool hash_hex(const void *bytes, size_t len, char out[HEX_SIZE])
{
    unsigned char digest[DIGEST_BYTES];
    if (EVP_Digest(bytes, len, digest, NULL, EVP_sha256(), NULL) != 1)
        return false;
    to_hex(digest, out);
    return true;
}

/* -- the parts of the URL -- */

static bool is_unreserved(char c)
{
    return isalnum((unsigned char)c) || c == '-' || c == '.' || c == '_' || c == '~'; /* RFC 3986, 2.3 */
}

static void append_encoded(struct buf *out, const char *bytes, size_t len, bool keep_slash)
{
    for (size_t i = 0; i < len; ++i) {
        if (is_unreserved(bytes[i]) || (keep_slash && bytes[i] == '/'))
            buf_append_char(out, bytes[i]);
        else
            buf_printf(out, "%%%02X", (unsigned char)bytes[i]);
    }
}

static int hex_value(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10 : -1;
}

/* A name or value of the query in its one canonical form, whichever way it was written. */
static void append_normalized(struct buf *out, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; ++i) {
        char c = bytes[i];
        if (c == '%' && i + 2 < len && hex_value(bytes[i + 1]) >= 0 && hex_value(bytes[i + 2]) >= 0) {
            c = (char)(hex_value(bytes[i + 1]) * 16 + hex_value(bytes[i + 2]));
            i += 2;
        }
        append_encoded(out, &c, 1, false);
    }
}

struct parameter {
    struct buf name, value;
};

static int compare_parameters(const void *a, const void *b)
{
    const struct parameter *left = a, *right = b;
    int by_name = strcmp(buf_text(&left->name), buf_text(&right->name));
    return by_name != 0 ? by_name : strcmp(buf_text(&left->value), buf_text(&right->value));
}

static bool append_query(struct buf *out, const char *query)
{
    struct parameter parameters[SIGV4_PARAMETERS_MAX];
    size_t count = 0;
    bool fits = true;

    for (const char *at = query; fits && *at != '\0';) {
        size_t len = strcspn(at, "&");
        const char *equals = memchr(at, '=', len);
        size_t name_len = equals != NULL ? (size_t)(equals - at) : len;
        fits = count < SIGV4_PARAMETERS_MAX;
        if (fits && len != 0) {
            struct parameter *parameter = &parameters[count++];
            parameter->name = parameter->value = BUF_EMPTY;
            append_normalized(&parameter->name, at, name_len);
            if (equals != NULL)
                append_normalized(&parameter->value, equals + 1, len - name_len - 1);
            out->failed |= parameter->name.failed || parameter->value.failed;
        }
        at += len + (at[len] == '&');
    }
    qsort(parameters, count, sizeof(*parameters), compare_parameters);
    for (size_t i = 0; i < count; ++i) {
        buf_printf(out, "%s%s=%s", i != 0 ? "&" : "", buf_text(&parameters[i].name), buf_text(&parameters[i].value));
        buf_dispose(&parameters[i].name);
        buf_dispose(&parameters[i].value);
    }
    return fits;
}

struct target {
    char *scheme, *host, *port, *path, *query;
};

/* As libcurl itself will read the URL and send it. */
static bool read_url(const char *url, struct target *target)
{
    CURLU *parsed = curl_url();
    bool read = parsed != NULL && curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK &&
                curl_url_get(parsed, CURLUPART_SCHEME, &target->scheme, 0) == CURLUE_OK &&
                curl_url_get(parsed, CURLUPART_HOST, &target->host, 0) == CURLUE_OK &&
                curl_url_get(parsed, CURLUPART_PATH, &target->path, 0) == CURLUE_OK;
    if (read) {
        curl_url_get(parsed, CURLUPART_PORT, &target->port, CURLU_NO_DEFAULT_PORT); /* absent when it is the default */
        curl_url_get(parsed, CURLUPART_QUERY, &target->query, 0);
    }
    curl_url_cleanup(parsed);
    return read;
}

static void dispose_target(struct target *target)
{
    curl_free(target->scheme);
    curl_free(target->host);
    curl_free(target->port);
    curl_free(target->path);
    curl_free(target->query);
}

/* -- the headers -- */

struct header {
    const char *name;
    size_t name_len;
    const char *value;
    size_t value_len;
    size_t order; /* as given: repeated ones keep it */
};

static int compare_headers(const void *a, const void *b)
{
    const struct header *left = a, *right = b;
    size_t shorter = left->name_len < right->name_len ? left->name_len : right->name_len;
    int by_name = strncasecmp(left->name, right->name, shorter);
    if (by_name == 0 && left->name_len != right->name_len)
        by_name = left->name_len < right->name_len ? -1 : 1;
    return by_name != 0 ? by_name : left->order < right->order ? -1 : 1;
}

static bool same_name(const struct header *a, const struct header *b)
{
    return a->name_len == b->name_len && strncasecmp(a->name, b->name, a->name_len) == 0;
}

/* Headers that may change on the way, and the one that the signature goes into. */
static bool is_unsigned(const struct header *header)
{
    static const char *const names[] = {"authorization", "connection",        "expect",
                                        "user-agent",    "transfer-encoding", "x-amzn-trace-id"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); ++i) {
        if (header->name_len == strlen(names[i]) && strncasecmp(header->name, names[i], header->name_len) == 0)
            return true;
    }
    return false;
}

static bool read_header(const char *line, struct header *header)
{
    const char *colon = strchr(line, ':');
    if (colon == NULL)
        return false;
    header->name = line;
    header->name_len = (size_t)(colon - line);
    header->value = colon + 1 + strspn(colon + 1, " \t");
    header->value_len = strlen(header->value);
    while (header->value_len != 0 && isspace((unsigned char)header->value[header->value_len - 1]))
        --header->value_len;
    return header->value_len != 0 && !is_unsigned(header); /* curl does not send one without a value */
}

static bool collect_headers(const struct sigv4_request *request, const char *host, const char *date,
                            struct header headers[SIGV4_HEADERS_MAX], size_t *count)
{
    const char *own[] = {host, date};
    *count = 0;
    for (size_t i = 0; i < 2 + request->header_count; ++i) {
        if (*count == SIGV4_HEADERS_MAX)
            return false;
        headers[*count].order = *count;
        *count += read_header(i < 2 ? own[i] : request->headers[i - 2], &headers[*count]);
    }
    qsort(headers, *count, sizeof(*headers), compare_headers);
    return true;
}

static void append_lower(struct buf *out, const struct header *header)
{
    for (size_t i = 0; i < header->name_len; ++i)
        buf_append_char(out, (char)tolower((unsigned char)header->name[i]));
}

static void append_value(struct buf *out, const struct header *header)
{
    for (size_t i = 0; i < header->value_len; ++i) {
        if (header->value[i] != ' ' || header->value[i - 1] != ' ') /* the first one is no space */
            buf_append_char(out, header->value[i]);
    }
}

static void append_signed_names(struct buf *out, const struct header *headers, size_t count)
{
    for (size_t i = 0; i < count; ++i) {
        if (i != 0 && same_name(&headers[i - 1], &headers[i]))
            continue;
        if (i != 0)
            buf_append_char(out, ';');
        append_lower(out, &headers[i]);
    }
}

static void append_headers(struct buf *out, const struct header *headers, size_t count)
{
    for (size_t i = 0; i < count; ++i) {
        bool repeated = i != 0 && same_name(&headers[i - 1], &headers[i]);
        if (!repeated) {
            buf_append_text(out, i != 0 ? "\n" : "");
            append_lower(out, &headers[i]);
        }
        buf_append_char(out, repeated ? ',' : ':');
        append_value(out, &headers[i]);
    }
    buf_append_text(out, "\n\n");
}

/* -- the signature -- */

static bool mac(const unsigned char *key, size_t key_len, const char *text, unsigned char out[DIGEST_BYTES])
{
    return HMAC(EVP_sha256(), key, (int)key_len, (const unsigned char *)text, strlen(text), out, NULL) != NULL;
}

static bool derive_and_sign(const struct sigv4_request *request, const struct sigv4_key *key, const char *day,
                            const char *text, char out[HEX_SIZE])
{
    unsigned char step[DIGEST_BYTES];
    size_t first_len = key->secret_len + 4;
    unsigned char *first = malloc(first_len);
    if (first == NULL)
        return false;
    memcpy(first, "AWS4", 4);
    memcpy(first + 4, key->secret, key->secret_len);
    bool done = mac(first, first_len, day, step) && mac(step, sizeof(step), request->region, step) &&
                mac(step, sizeof(step), request->service, step) && mac(step, sizeof(step), "aws4_request", step) &&
                mac(step, sizeof(step), text, step);
    explicit_bzero(first, first_len);
    free(first);
    to_hex(step, out);
    explicit_bzero(step, sizeof(step));
    return done;
}

/* The hash of the canonical request; the names of the signed headers go to `names`. */
static bool hash_request(const struct sigv4_request *request, const struct target *target, const char *date,
                         struct buf *names, char out[HEX_SIZE], const char **fault)
{
    struct header headers[SIGV4_HEADERS_MAX];
    struct buf canonical = BUF_EMPTY, host = BUF_EMPTY;
    char body_hash[HEX_SIZE];
    size_t count, begun = 0;
    bool fits = true;

    buf_printf(&host, "host:%s%s%s", target->host, target->port != NULL ? ":" : "",
               target->port != NULL ? target->port : "");
    if (!collect_headers(request, buf_text(&host), date, headers, &count)) {
        *fault = "more headers than can be signed";
        goto done;
    }
    /* Room at once: a buf that grows leaves copies of its headers behind. */
    begun = strlen(target->path) * 3 + (target->query != NULL ? strlen(target->query) * 3 : 0) + 256;
    for (size_t i = 0; i < count; ++i)
        begun += 2 * headers[i].name_len + headers[i].value_len + 4;
    buf_reserve(&canonical, begun);
    buf_append_text(&canonical, request->post ? "POST\n" : "GET\n");
    append_encoded(&canonical, target->path, strlen(target->path), true);
    buf_append_char(&canonical, '\n');
    fits = append_query(&canonical, target->query != NULL ? target->query : "");
    buf_append_char(&canonical, '\n');
    append_headers(&canonical, headers, count);
    append_signed_names(names, headers, count);
    buf_append(&canonical, buf_text(names), names->len);
    if (!fits)
        *fault = "more parameters than can be signed";
    else if (!hash_hex(request->body, request->body_len, body_hash))
        *fault = "no SHA-256";
    else
        buf_printf(&canonical, "\n%s", body_hash);
    if (*fault == NULL && (!buf_ok(&canonical) || !buf_ok(names) || !buf_ok(&host) ||
                           !hash_hex(buf_text(&canonical), canonical.len, out)))
        *fault = "out of memory";

done:
    if (canonical.bytes != NULL)
        explicit_bzero(canonical.bytes, canonical.len);
    buf_dispose(&canonical);
    buf_dispose(&host);
    return *fault == NULL;
}

int sigv4_sign(const struct sigv4_request *request, const struct sigv4_key *key, struct sigv4_lines *lines, char *error,
               size_t error_size)
{
    struct target target = {NULL, NULL, NULL, NULL, NULL};
    struct buf names = BUF_EMPTY, text = BUF_EMPTY;
    char moment[20], day[9], hash[HEX_SIZE], signature[HEX_SIZE];
    const char *fault = NULL;
    time_t now = (time_t)request->now_s;
    struct tm utc;

    gmtime_r(&now, &utc);
    strftime(moment, sizeof(moment), "%Y%m%dT%H%M%SZ", &utc);
    strftime(day, sizeof(day), "%Y%m%d", &utc);
    snprintf(lines->date, sizeof(lines->date), "X-Amz-Date: %s", moment);
    if (!read_url(request->url, &target)) {
        fault = "not a URL";
    } else if (hash_request(request, &target, lines->date, &names, hash, &fault)) {
        buf_printf(&text, "AWS4-HMAC-SHA256\n%s\n%s/%s/%s/aws4_request\n%s", moment, day, request->region,
                   request->service, hash);
        int len = -1;
        if (buf_ok(&text) && derive_and_sign(request, key, day, buf_text(&text), signature))
            len = snprintf(lines->authorization, sizeof(lines->authorization),
                           "Authorization: AWS4-HMAC-SHA256 Credential=%.*s/%s/%s/%s/aws4_request, SignedHeaders=%s, "
                           "Signature=%s",
                           (int)key->id_len, key->id, day, request->region, request->service, buf_text(&names),
                           signature);
        if (len < 0)
            fault = "out of memory";
        else if ((size_t)len >= sizeof(lines->authorization))
            fault = "more headers than can be signed";
    }
    if (fault != NULL)
        snprintf(error, error_size, "cannot sign %.200s: %s", request->url, fault);
    dispose_target(&target);
    buf_dispose(&names);
    buf_dispose(&text);
    return fault != NULL ? -1 : 0;
}
