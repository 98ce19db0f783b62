/* reports: POST /api/providers/report: clients tell what became of their own calls. */
#include "base/clock.h"
#include "base/json.h"
#include "serve/handlers.h"
#include "serve/report_body.h"

#include <stdlib.h>

/* All of it was refused: 400, so that nobody takes it for done. */
static int status_of(size_t accepted, size_t rejected)
{
    return accepted == 0 && rejected != 0 ? 400 : 202;
}

static void answer(struct request *request, size_t accepted, const struct report_rejections *rejections)
{
    struct buf body = BUF_EMPTY;
    struct json j = json_begin(&body);
    json_object(&j);
    json_key(&j, "accepted");
    json_uint(&j, accepted);
    json_key(&j, "rejected_count");
    json_uint(&j, rejections->count);
    json_key(&j, "rejected");
    json_array(&j);
    for (size_t i = 0; i < rejections->listed; ++i) {
        json_object(&j);
        json_key(&j, "index");
        json_uint(&j, rejections->list[i].index);
        json_member_text(&j, "error", rejections->list[i].error);
        json_end(&j);
    }
    json_end(&j);
    json_end(&j);
    reply_json(request, status_of(accepted, rejections->count), &body);
}

void handle_report(struct request *request)
{
    const struct server_hooks *hooks = &request->server->hooks;
    struct report_rejections rejections;
    char error[256];
    h2o_iovec_t entity = request->req->entity;
    struct report_batch *batch = report_body_read(entity.base != NULL ? entity.base : "", entity.len, request->snapshot,
                                                  clock_wall_us(), &rejections, error, sizeof(error));
    if (batch == NULL) {
        reply_error(request, 400, "%s", error);
        return;
    }
    size_t accepted = batch->count;
    if (accepted == 0) {
        report_batch_free(batch);
    } else if (!hooks->take_reports(hooks->user, batch)) {
        report_batch_free(batch);
        free(rejections.list);
        reply_add_header(request, "retry-after", "1");
        reply_error(request, 503, "too many reports wait to be counted; try again in a second");
        return;
    }
    answer(request, accepted, &rejections);
    free(rejections.list);
}
