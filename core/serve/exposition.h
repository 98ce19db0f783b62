/* exposition: metrics as text, in Prometheus' format 0.0.4 or as OpenMetrics 1.0.
 *
 * Families are begun once, with all their samples behind them. A counter is named without "_total": the text has it
 * where the format wants it. Label values are escaped. Sources:
 * https://prometheus.io/docs/instrumenting/exposition_formats/ and
 * https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md, read 2026-11-24.
 *
 * Thread: that of the buf. Errors: those of the buf.
 */
#ifndef PROVIDERD_SERVE_EXPOSITION_H
#define PROVIDERD_SERVE_EXPOSITION_H

#include "base/buf.h"

#include <stdbool.h>

enum metric_type { METRIC_GAUGE, METRIC_COUNTER, METRIC_HISTOGRAM };

struct exposition {
    struct buf *out;
    bool open_metrics;
    const char *family;
    enum metric_type type;
};

struct label {
    const char *name;
    const char *value;
};

void exposition_family(struct exposition *e, const char *family, enum metric_type type, const char *help);

/* One sample; `suffix` is "" but for the parts of histograms ("_bucket", "_sum", "_count"). `labels` end with a NULL
 * name; NULL = none. */
void exposition_sample(struct exposition *e, const char *suffix, const struct label *labels, double value);

/* What ends the text, if the format has such a thing. */
void exposition_end(struct exposition *e);

#endif
