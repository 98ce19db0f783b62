/* limits_json: limits as the JSON array that REST answers and the database hold:
 * [{"unit": "requests", "window_s": 60, "limit": 50, "remaining": 49, "reset_at": "...Z", "used_percent": 2.0,
 *   "exhausted_at": null, "source": "told"}], with "name" where there is one, null for what is not known, and "counted"
 * as the source of declared limits.
 *
 * Thread: any.
 */
#ifndef PROVIDERD_HEALTH_LIMITS_JSON_H
#define PROVIDERD_HEALTH_LIMITS_JSON_H

#include "base/json.h"
#include "health/snapshot.h"

/* `list` may be NULL: an empty array. */
void limits_write_json(struct json *j, const struct limit_list *list);

#endif
