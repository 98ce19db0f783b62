#include "environment.h"

#include "dialect.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/nearest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Does the list, with commas between its words, hold this one? */
static bool holds(const char *list, const char *word)
{
    size_t len = strlen(word);
    for (const char *at = list; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, word, len) == 0 && (at[len] == ',' || at[len] == '\0'))
            return true;
    }
    return false;
}

static bool is_selected(const struct dialect *dialect, const char *selection)
{
    if (selection == NULL)
        return dialect->seed;
    return strcmp(selection, "*") == 0 || holds(selection, dialect->upstream);
}

static bool check_name(const char *name, char error[256])
{
    const char **names = calloc(dialect_count, sizeof(*names));
    bool known = false;
    for (size_t i = 0; names != NULL && i < dialect_count; i++) {
        names[i] = dialects[i].upstream;
        known = known || strcmp(name, names[i]) == 0;
    }
    const char *near = known || names == NULL ? NULL : nearest_word(name, names, dialect_count);
    if (!known)
        snprintf(error, 256, "--providers: unknown provider \"%.60s\"%s%s%s", name,
                 near != NULL ? ": did you mean \"" : "", near != NULL ? near : "", near != NULL ? "\"?" : "");
    free(names);
    return known;
}

static bool check_selection(const char *selection, char error[256])
{
    if (selection == NULL || strcmp(selection, "*") == 0)
        return true;
    char *copy = strdup(selection), *position = NULL;
    bool good = copy != NULL && *copy != '\0';
    if (!good)
        snprintf(error, 256, "--providers: expected names with commas between");
    for (char *name = good ? strtok_r(copy, ",", &position) : NULL; good && name != NULL;
         name = strtok_r(NULL, ",", &position))
        good = check_name(name, error);
    free(copy);
    return good;
}

/* Application default credentials, as gcloud writes them. */
static void write_credentials(struct buf *out)
{
    struct json j = json_begin(out);
    json_object(&j);
    json_key(&j, "type");
    json_text(&j, "authorized_user");
    json_key(&j, "client_id");
    json_text(&j, oauth_client_id);
    json_key(&j, "client_secret");
    json_text(&j, oauth_client_secret);
    json_key(&j, "refresh_token");
    json_text(&j, gemini_cli_refresh_token);
    json_key(&j, "quota_project_id");
    json_text(&j, google_project);
    json_end(&j);
}

/* What a provider needs beside its base and a plain key. */
static void write_more(const struct dialect *d, const char *file, const char *origin, struct buf *out)
{
    switch (d->family) {
    case FAMILY_CODE_ASSIST:
        buf_printf(out, "GEMINI_CLI_TOKEN_URI=%s/gemini_cli/token\n", origin);
        buf_printf(out, "GEMINI_CLI_1_ACCESS_TOKEN=%s\n", gemini_cli_access_token);
        buf_printf(out, "GEMINI_CLI_1_REFRESH_TOKEN=%s\n", gemini_cli_refresh_token);
        buf_printf(out, "GEMINI_CLI_1_EXPIRY_DATE=%lld\n", (long long)clock_wall_ms() + 3600000);
        buf_printf(out, "GEMINI_CLI_1_CLIENT_ID=%s\n", oauth_client_id);
        buf_printf(out, "GEMINI_CLI_1_CLIENT_SECRET=%s\n", oauth_client_secret);
        buf_printf(out, "GEMINI_CLI_PROJECT_ID=%s\n", google_project);
        break;
    case FAMILY_CLOUDFLARE:
        buf_printf(out, "CLOUDFLARE_ACCOUNT_ID=%s\n", cloudflare_account);
        break;
    case FAMILY_CHUTES:
        buf_printf(out, "CHUTES_API_URL=%s/chutes\n", origin);
        break;
    case FAMILY_AZURE:
        buf_printf(out, "AZURE_OPENAI_ENDPOINT=%s/azure_openai\n", origin);
        buf_append_text(out, "AZURE_OPENAI_DEPLOYMENT_NAME=sim-gpt-4o-mini\n");
        buf_append_text(out, "AZURE_OPENAI_API_VERSION=2024-10-21\n");
        break;
    case FAMILY_BEDROCK:
        buf_printf(out, "AWS_ACCESS_KEY_ID=%s\n", aws_access_key_id);
        buf_printf(out, "AWS_SECRET_ACCESS_KEY=%s\n", aws_secret_access_key);
        buf_append_text(out, "AWS_REGION=us-east-1\n");
        break;
    case FAMILY_VERTEX:
        buf_printf(out, "VERTEX_CREDENTIALS_FILE=%s.vertex.json\n", file);
        buf_printf(out, "VERTEX_TOKEN_URI=%s/vertex/token\n", origin);
        buf_printf(out, "VERTEXAI_PROJECT=%s\n", google_project);
        buf_append_text(out, "VERTEXAI_LOCATION=us-central1\n");
        break;
    default:
        break;
    }
}

static bool write_file(const char *file, const struct buf *text)
{
    FILE *out = fopen(file, "w");
    if (out == NULL)
        return false;
    bool good = buf_ok(text) && fwrite(buf_text(text), 1, text->len, out) == text->len;
    return fclose(out) == 0 && good;
}

bool environment_write(const char *file, const char *origin, const char *selection, char error[256])
{
    struct buf text = BUF_EMPTY, credentials = BUF_EMPTY;
    char path[4096];
    bool has_vertex = false;
    if (!check_selection(selection, error))
        return false;
    for (size_t i = 0; i < dialect_count; i++) {
        const struct dialect *d = &dialects[i];
        if (!is_selected(d, selection))
            continue;
        buf_printf(&text, "%s=%s/%s%s\n", d->base_name, origin, d->mount, d->env_base != NULL ? d->env_base : d->base);
        if (d->key_name != NULL)
            buf_printf(&text, "%s=sim-%s-key-0123456789\n", d->key_name, d->upstream);
        write_more(d, file, origin, &text);
        has_vertex = has_vertex || d->family == FAMILY_VERTEX;
    }
    snprintf(path, sizeof(path), "%s.vertex.json", file);
    write_credentials(&credentials);
    bool good = write_file(file, &text) && (!has_vertex || write_file(path, &credentials));
    if (!good)
        snprintf(error, 256, "cannot write %.180s: %s", file, strerror(errno));
    buf_dispose(&text);
    buf_dispose(&credentials);
    return good;
}
