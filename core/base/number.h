/* number: doubles as decimal text, fast where it can be.
 *
 * Writes the shortest of 15, 16 or 17 digits that reads back as the same double; integral values keep ".0". Most of
 * what is measured here has three or six digits behind the point: such a value is written from an integer, some ten
 * times as fast as printf does it, and the text is the same. Thread: any.
 */
#ifndef PROVIDERD_BASE_NUMBER_H
#define PROVIDERD_BASE_NUMBER_H

#include <stddef.h>
#include <stdint.h>

enum { NUMBER_TEXT_MAX = 32 };

/* Both return the length. The double must be finite. */
size_t number_format_double(double value, char out[NUMBER_TEXT_MAX]);
size_t number_format_int(int64_t value, char out[NUMBER_TEXT_MAX]);

#endif
