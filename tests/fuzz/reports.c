/* What clients send to POST /api/providers/report: whatever it is, each report is taken or rejected, and what is taken
 * keeps to its bounds. */
#include "serve/report_body.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const int64_t NOW_US = INT64_C(1795422134217175);

/* With a provider that has one key and no name longer than this. */
static struct snapshot *make_snapshot(void)
{
    struct snapshot *snapshot = snapshot_new(1);
    if (snapshot == NULL || (snapshot->providers[0] = provider_view_new("groq")) == NULL)
        abort();
    snapshot->providers[0]->lead->number = 1;
    return snapshot;
}

static void look_at(const struct report_batch *batch, const struct report *report)
{
    const char *headers = report_text_of(batch, &report->headers);
    if (strcmp(report->provider, "groq") != 0 || report->key > 1 || strlen(report->model) >= sizeof(report->model))
        abort();
    if (report->headers.at + report->headers.len > batch->texts.len ||
        report->error.at + report->error.len > batch->texts.len || report->headers.len > REPORT_HEADERS_MAX ||
        report->error.len > REPORT_ERROR_MAX)
        abort();
    for (size_t i = 0; i + 1 < report->headers.len; ++i) {
        if ((headers[i] == '\r') != (headers[i + 1] == '\n'))
            abort(); /* a line of its own that nobody counted */
    }
    if (report->ended_us > NOW_US || report->latency_ms < -1 || report->tokens < -1)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct snapshot *snapshot;
    struct report_rejections rejections;
    char error[256] = "";
    if (snapshot == NULL)
        snapshot = make_snapshot();
    struct report_batch *batch =
        report_body_read((const char *)data, size, snapshot, NOW_US, &rejections, error, sizeof(error));
    if (batch == NULL) {
        if (error[0] == '\0' || rejections.list != NULL)
            abort();
        return 0;
    }
    if (batch->count > REPORTS_MAX || rejections.listed > rejections.count)
        abort();
    for (size_t i = 0; i < batch->count; ++i)
        look_at(batch, &batch->reports[i]);
    report_batch_free(batch);
    free(rejections.list);
    return 0;
}
