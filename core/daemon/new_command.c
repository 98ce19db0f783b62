#include "daemon/new_command.h"

#include "base/buf.h"
#include "script/script.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char LETTERS[] = "abcdefghijklmnopqrstuvwxyz0123456789_.-";
static const char KINDS[] = "openai, custom or oauth";

static bool is_name(const char *name)
{
    size_t len = strlen(name);
    return len != 0 && len < SCRIPT_NAME_MAX && strspn(name, LETTERS) == len && name[0] != '.' && name[0] != '-';
}

/* -- the template -- */

/* The file of that kind in the first provider path that has it; NULL when none has. */
static FILE *open_template(const struct config *config, const char *kind)
{
    FILE *file = NULL;
    for (char **folder = config->provider_paths; *folder != NULL && file == NULL; ++folder) {
        char *path;
        if (asprintf(&path, "%s/lib/templates/%s.lua", *folder, kind) < 0)
            return NULL;
        file = fopen(path, "re");
        free(path);
    }
    return file;
}

static bool read_template(const struct config *config, const char *kind, struct buf *text)
{
    char part[4096];
    size_t len;
    FILE *file = strchr(kind, '/') == NULL ? open_template(config, kind) : NULL;
    if (file == NULL) {
        fprintf(stderr,
                "providerd: new: no template for the kind '%s' in lib/templates of the provider paths; expected %s\n",
                kind, KINDS);
        return false;
    }
    while ((len = fread(part, 1, sizeof(part), file)) != 0)
        buf_append(text, part, len);
    bool read = ferror(file) == 0;
    if (!read)
        fprintf(stderr, "providerd: new: cannot read the template of the kind '%s'\n", kind);
    fclose(file);
    return read;
}

static void fill_in(const char *template, const char *name, const char *variable, struct buf *script)
{
    static const char NAME[] = "@NAME@", VARIABLE[] = "@VARIABLE@";
    while (*template != '\0') {
        if (strncmp(template, NAME, strlen(NAME)) == 0) {
            buf_append_text(script, name);
            template += strlen(NAME);
        } else if (strncmp(template, VARIABLE, strlen(VARIABLE)) == 0) {
            buf_append_text(script, variable);
            template += strlen(VARIABLE);
        } else {
            buf_append_char(script, *template ++);
        }
    }
}

/* -- the file -- */

static bool write_script(const char *path, const struct buf *script)
{
    FILE *file = fopen(path, "wxe");
    if (file == NULL) {
        fprintf(stderr, "providerd: new: %s: %s\n", path,
                errno == EEXIST ? "there is a file of this name already" : strerror(errno));
        return false;
    }
    bool written = fwrite(buf_text(script), 1, script->len, file) == script->len;
    if (fclose(file) != 0 || !written) {
        fprintf(stderr, "providerd: new: %s: %s\n", path, strerror(errno));
        remove(path);
        return false;
    }
    return true;
}

static void say_what_next(const struct settings *settings, const struct config *config, const char *path)
{
    printf("wrote %s. What next:\n"
           "  1. Fill in the address, and what the provider's documentation says.\n"
           "  2. Set the variables that the script reads, and try it: providerd -c %s check %s\n"
           "  3. Move it to the others, in %s, and send the daemon SIGHUP.\n",
           path, settings->config_path, path,
           config->provider_paths[0] != NULL ? config->provider_paths[0] : "a folder of provider_paths");
}

int new_command(const struct settings *settings, const char *name, const char *kind)
{
    char error[FAULTS_MAX], path[SCRIPT_NAME_MAX + 8], variable[SCRIPT_NAME_MAX];
    struct buf template = BUF_EMPTY, script = BUF_EMPTY;
    struct config *config;
    int status = 2;

    if (!is_name(name)) {
        fprintf(stderr,
                "providerd: new: '%s' is no name for a provider; expected at most %d of %s, a letter or digit first\n",
                name, SCRIPT_NAME_MAX - 1, "a-z 0-9 _ . -");
        return 2;
    }
    config = settings_load(settings, error, sizeof(error));
    if (config == NULL) {
        fprintf(stderr, "providerd: %s\n", error);
        return 2;
    }
    for (size_t i = 0; i <= strlen(name); ++i)
        variable[i] = name[i] == '.' || name[i] == '-' ? '_' : (char)toupper((unsigned char)name[i]);
    kind = kind != NULL ? kind : "openai";
    snprintf(path, sizeof(path), "%s.lua", name);
    if (!read_template(config, kind, &template))
        goto done;
    fill_in(buf_text(&template), name, variable, &script);
    if (!write_script(path, &script))
        goto done;
    say_what_next(settings, config, path);
    status = 0;

done:
    buf_dispose(&template);
    buf_dispose(&script);
    config_free(config);
    return status;
}
