#include "serve/exposition.h"

#include <math.h>
#include <string.h>

static const char *type_name(enum metric_type type)
{
    static const char *const names[] = {
        [METRIC_GAUGE] = "gauge", [METRIC_COUNTER] = "counter", [METRIC_HISTOGRAM] = "histogram"};
    return names[type];
}

/* Counters have it in their samples; Prometheus' text also in the lines about them. */
static const char *total_of(const struct exposition *e, bool of_sample)
{
    return e->type == METRIC_COUNTER && (of_sample || !e->open_metrics) ? "_total" : "";
}

void exposition_family(struct exposition *e, const char *family, enum metric_type type, const char *help)
{
    e->family = family;
    e->type = type;
    buf_printf(e->out, "# HELP %s%s %s\n", family, total_of(e, false), help);
    buf_printf(e->out, "# TYPE %s%s %s\n", family, total_of(e, false), type_name(type));
}

static void add_escaped(struct buf *out, const char *text)
{
    for (; *text != '\0'; ++text) {
        if (*text == '\\' || *text == '"')
            buf_append_char(out, '\\');
        if (*text == '\n')
            buf_append_text(out, "\\n");
        else
            buf_append_char(out, *text);
    }
}

static void add_number(struct buf *out, double value)
{
    if (isnan(value))
        buf_append_text(out, "NaN");
    else if (isinf(value))
        buf_append_text(out, value > 0 ? "+Inf" : "-Inf");
    else
        buf_printf(out, "%.15g", value);
}

void exposition_sample(struct exposition *e, const char *suffix, const struct label *labels, double value)
{
    struct buf *out = e->out;
    buf_printf(out, "%s%s%s", e->family, total_of(e, true), suffix);
    for (size_t i = 0; labels != NULL && labels[i].name != NULL; ++i) {
        buf_printf(out, "%c%s=\"", i == 0 ? '{' : ',', labels[i].name);
        add_escaped(out, labels[i].value);
        buf_append_char(out, '"');
    }
    if (labels != NULL && labels[0].name != NULL)
        buf_append_char(out, '}');
    buf_append_char(out, ' ');
    add_number(out, value);
    buf_append_char(out, '\n');
}

void exposition_end(struct exposition *e)
{
    if (e->open_metrics)
        buf_append_text(e->out, "# EOF\n");
}
