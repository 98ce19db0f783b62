/* value: reads JSON (RFC 8259) into a tree: what tests tell the simulator, and what clients ask of it.
 *
 * Everything is allocated in the given pool and lives as long as it does; `raw` points into the text that was read.
 * Thread: any. Errors: NULL and a message for a human.
 */
#ifndef SIMULATOR_VALUE_H
#define SIMULATOR_VALUE_H

#include <h2o.h>
#include <stdbool.h>
#include <stdint.h>

enum { VALUE_ERROR_MAX = 192, VALUE_DEPTH_MAX = 64 };

enum value_kind { VALUE_NULL, VALUE_FALSE, VALUE_TRUE, VALUE_NUMBER, VALUE_TEXT, VALUE_ARRAY, VALUE_OBJECT };

struct value {
    enum value_kind kind;
    h2o_iovec_t name; /* of an object's member; NUL-terminated */
    h2o_iovec_t raw;  /* the value as it was written */
    h2o_iovec_t text; /* of VALUE_TEXT: without quotes and escapes; NUL-terminated */
    double number;    /* of VALUE_NUMBER */
    struct value *first, *next;
};

/* Reads one whole value. */
const struct value *value_read(h2o_mem_pool_t *pool, h2o_iovec_t text, char error[VALUE_ERROR_MAX]);

/* The member of this name (the last one of several), NULL when there is none or `object` is none (or NULL). */
const struct value *value_member(const struct value *object, const char *name);

/* Is it there, and neither null nor false? */
bool value_is_set(const struct value *value);

/* Its text when it is one, "" otherwise. */
h2o_iovec_t value_text(const struct value *value);

/* Its number when it is one, else the fallback. */
double value_number(const struct value *value, double fallback);

#endif
