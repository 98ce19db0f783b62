#include "health/limits_json.h"

#include <math.h>

static void write_number(struct json *j, const char *key, double value)
{
    json_key(j, key);
    if (value < 0)
        json_null(j);
    else if (value == floor(value) && value < 9e15)
        json_int(j, (int64_t)value);
    else
        json_double(j, value);
}

static void write_time(struct json *j, const char *key, int64_t wall_us)
{
    json_key(j, key);
    if (wall_us != 0)
        json_time(j, wall_us);
    else
        json_null(j);
}

static void write_limit(struct json *j, const struct limit_view *view)
{
    const struct limit_window *window = &view->window;
    json_object(j);
    json_key(j, "unit");
    json_text(j, window->unit);
    write_number(j, "window_s", window->window_s != 0 ? (double)window->window_s : -1);
    write_number(j, "limit", window->limit);
    write_number(j, "remaining", window->remaining);
    write_time(j, "reset_at", window->reset_at_us);
    json_key(j, "used_percent");
    if (view->used_percent >= 0)
        json_double(j, round(view->used_percent * 1e4) / 1e4);
    else
        json_null(j);
    write_time(j, "exhausted_at", view->exhausted_at_us);
    json_key(j, "source");
    json_text(j, view->counted ? "counted" : "told");
    if (window->name[0] != '\0') {
        json_key(j, "name");
        json_text(j, window->name);
    }
    json_end(j);
}

void limits_write_json(struct json *j, const struct limit_list *list)
{
    json_array(j);
    for (size_t i = 0; list != NULL && i < list->count; ++i)
        write_limit(j, &list->limits[i]);
    json_end(j);
}
