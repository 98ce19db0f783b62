/* Redaction: a known secret never comes through, whatever stands around it. */
#include "base/redact.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char secret[] = "k3y/With+Odd=Bytes";
    struct redactor *redactor = redactor_new();
    struct buf text = BUF_EMPTY, out = BUF_EMPTY;
    if (redactor == NULL || !redactor_add(redactor, secret, sizeof(secret) - 1))
        abort();
    size_t half = size / 2;
    buf_append(&text, data, half);
    buf_append(&text, secret, sizeof(secret) - 1);
    buf_append(&text, data + half, size - half);
    redact(redactor, buf_text(&text), text.len, &out);
    if (memmem(buf_text(&out), out.len, secret, sizeof(secret) - 1) != NULL)
        abort();
    buf_dispose(&text);
    buf_dispose(&out);
    redactor_free(redactor);
    return 0;
}
