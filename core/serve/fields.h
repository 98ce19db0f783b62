/* fields: a row of an answer, as a JSON object or as a line of CSV. Internal to serve/.
 *
 * The same calls write both; in CSV the names are left out, null is empty, and each row has all columns. Texts in CSV
 * are quoted and neutralised as render_csv_text() says.
 */
#ifndef PROVIDERD_SERVE_FIELDS_H
#define PROVIDERD_SERVE_FIELDS_H

#include "base/json.h"

#include <stdbool.h>

struct fields {
    struct buf *out;
    struct json json;
    bool csv;
    bool any;
};

struct fields fields_begin(struct buf *out, bool csv);
void fields_end(struct fields *fields);

void field_text(struct fields *fields, const char *name, const char *text); /* NULL is null */
void field_double(struct fields *fields, const char *name, double value);
void field_measure(struct fields *fields, const char *name, double value); /* three digits; below 0 null */
void field_int(struct fields *fields, const char *name, int64_t value);
void field_bool(struct fields *fields, const char *name, int value);       /* below 0 null */
void field_time(struct fields *fields, const char *name, int64_t wall_us); /* 0 is null */
void field_null(struct fields *fields, const char *name);

/* A ready JSON value, NULL = none: then JSON has not got the field. In CSV it is a text. */
void field_raw(struct fields *fields, const char *name, const char *json_text);

#endif
