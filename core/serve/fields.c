#include "serve/fields.h"

#include "base/clock.h"
#include "base/number.h"
#include "serve/render.h"

#include <math.h>
#include <string.h>

struct fields fields_begin(struct buf *out, bool csv)
{
    struct fields fields = {.out = out, .json = json_begin(out), .csv = csv};
    if (!csv)
        json_object(&fields.json);
    return fields;
}

void fields_end(struct fields *fields)
{
    if (fields->csv)
        buf_append_char(fields->out, '\n');
    else
        json_end(&fields->json);
}

static void begin_field(struct fields *fields, const char *name)
{
    if (!fields->csv)
        json_key(&fields->json, name);
    else if (fields->any)
        buf_append_char(fields->out, ',');
    fields->any = true;
}

void field_null(struct fields *fields, const char *name)
{
    begin_field(fields, name);
    if (!fields->csv)
        json_null(&fields->json);
}

void field_text(struct fields *fields, const char *name, const char *text)
{
    begin_field(fields, name);
    if (!fields->csv)
        json_text(&fields->json, text);
    else if (text != NULL)
        render_csv_text(fields->out, text);
}

void field_double(struct fields *fields, const char *name, double value)
{
    char text[NUMBER_TEXT_MAX];
    begin_field(fields, name);
    if (!fields->csv)
        json_double(&fields->json, value);
    else if (isfinite(value))
        buf_append(fields->out, text, number_format_double(value, text));
}

void field_measure(struct fields *fields, const char *name, double value)
{
    if (value < 0)
        field_null(fields, name);
    else
        field_double(fields, name, round(value * 1000) / 1000);
}

void field_int(struct fields *fields, const char *name, int64_t value)
{
    char text[NUMBER_TEXT_MAX];
    begin_field(fields, name);
    if (!fields->csv)
        json_int(&fields->json, value);
    else
        buf_append(fields->out, text, number_format_int(value, text));
}

void field_bool(struct fields *fields, const char *name, int value)
{
    begin_field(fields, name);
    if (fields->csv)
        buf_append_text(fields->out, value < 0 ? "" : value != 0 ? "true" : "false");
    else if (value < 0)
        json_null(&fields->json);
    else
        json_bool(&fields->json, value != 0);
}

void field_time(struct fields *fields, const char *name, int64_t wall_us)
{
    char text[CLOCK_ISO_MAX];
    if (wall_us == 0) {
        field_null(fields, name);
        return;
    }
    size_t len = clock_format_rfc3339(wall_us, text);
    begin_field(fields, name);
    if (fields->csv)
        buf_append(fields->out, text, len);
    else
        json_bytes(&fields->json, text, len);
}

void field_raw(struct fields *fields, const char *name, const char *json_text)
{
    if (fields->csv) {
        field_text(fields, name, json_text);
    } else if (json_text != NULL) {
        begin_field(fields, name);
        json_raw(&fields->json, json_text, strlen(json_text));
    }
}
