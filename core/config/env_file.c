#include "config/env_file.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *skip_space(char *at)
{
    while (*at == ' ' || *at == '\t')
        ++at;
    return at;
}

static void trim_end(char *text)
{
    size_t len = strlen(text);
    while (len > 0 && isspace((unsigned char)text[len - 1]))
        text[--len] = '\0';
}

static char *read_name(char **at)
{
    char *name = *at, *end = name;
    while (isalnum((unsigned char)*end) || *end == '_')
        ++end;
    if (end == name || isdigit((unsigned char)*name) || *end != '=')
        return NULL;
    *end = '\0';
    *at = end + 1;
    return name;
}

/* Undoes the quotes in place. NULL when they do not end, or something follows them. */
static char *read_quoted(char *at)
{
    char quote = *at++, *value = at, *out = at;
    while (*at != '\0' && *at != quote) {
        if (quote == '"' && *at == '\\' && at[1] != '\0') {
            ++at;
            *out++ = *at == 'n' ? '\n' : *at == 't' ? '\t' : *at;
            ++at;
        } else {
            *out++ = *at++;
        }
    }
    if (*at != quote)
        return NULL;
    char *rest = skip_space(at + 1);
    *out = '\0';
    return *rest == '\0' || *rest == '#' ? value : NULL;
}

static char *read_value(char *at)
{
    char *start = at;
    at = skip_space(at);
    if (*at == '#' && at != start)
        return at + strlen(at); /* NAME= # a comment */
    if (*at == '"' || *at == '\'')
        return read_quoted(at);
    char *comment = strstr(at, " #");
    if (comment != NULL)
        *comment = '\0';
    trim_end(at);
    return at;
}

/* What is wrong with a line, NULL when nothing is. */
static const char *take_line(char *line, struct environment *environment)
{
    trim_end(line);
    char *at = skip_space(line);
    if (*at == '\0' || *at == '#')
        return NULL;
    if (strncmp(at, "export", 6) == 0 && (at[6] == ' ' || at[6] == '\t'))
        at = skip_space(at + 6);
    char *name = read_name(&at);
    if (name == NULL)
        return "expected NAME=VALUE";
    char *value = read_value(at);
    if (value == NULL)
        return "a quoted value does not end, or something follows it";
    return environment_add(environment, name, value) ? NULL : "out of memory";
}

int env_file_read(const char *path, struct environment *environment, char *error, size_t error_size)
{
    FILE *file = fopen(path, "re");
    char *line = NULL;
    size_t capacity = 0;
    const char *wrong = NULL;
    unsigned number = 0;
    ssize_t len;

    if (file == NULL) {
        snprintf(error, error_size, "%s: cannot be read: %s", path, strerror(errno));
        return -1;
    }
    while (wrong == NULL && (len = getline(&line, &capacity, file)) != -1) {
        ++number;
        wrong = strlen(line) == (size_t)len ? take_line(line, environment) : "expected a text; got a NUL";
        explicit_bzero(line, capacity);
    }
    bool unread = wrong == NULL && !feof(file);
    if (unread)
        snprintf(error, error_size, "%s: cannot be read: %s", path, strerror(errno));
    else if (wrong != NULL)
        snprintf(error, error_size, "%s:%u: %s", path, number, wrong);
    free(line);
    fclose(file);
    return unread || wrong != NULL ? -1 : 0;
}
