#include "health/report.h"

#include <stdlib.h>

void report_batch_free(struct report_batch *batch)
{
    if (batch == NULL)
        return;
    free(batch->reports);
    buf_dispose(&batch->texts);
    free(batch);
}
