/* Configuration files: any bytes load, or are refused with a text that names the file; sizes that are read are as they
 * were written. The whole path: Lua in its sandbox, the table of settings, each type of value. */
#include "config/config.h"
#include "base/log.h"
#include "config/schema.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_size(const uint8_t *data, size_t size)
{
    char text[64], again[64];
    int64_t bytes, same;
    if (size >= sizeof(text))
        return;
    memcpy(text, data, size);
    text[size] = '\0';
    if (size_parse(text, &bytes) != 0)
        return;
    snprintf(again, sizeof(again), "%" PRId64, bytes);
    if (bytes < 0 || (bytes <= INT64_C(1) << 40 && (size_parse(again, &same) != 0 || same != bytes)))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    static char path[64];
    char error[4096] = "";
    if (fd == -1) {
        fd = memfd_create("config", 0);
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        log_set_level(LOG_ERROR);
    }
    check_size(data, size);
    /* With a table of settings around them short inputs reach the readers of values. */
    bool whole = size != 0 && data[0] == 'r';
    if (ftruncate(fd, 0) != 0 || lseek(fd, 0, SEEK_SET) != 0 || (!whole && write(fd, "return {", 8) != 8) ||
        write(fd, data, size) != (ssize_t)size || (!whole && write(fd, "}", 1) != 1))
        abort();
    struct config *config = config_load(path, error, sizeof(error));
    if (config == NULL && strncmp(error, path, strlen(path)) != 0) {
        fprintf(stderr, "a refusal without the file's name: %s\n", error);
        abort();
    }
    config_free(config);
    return 0;
}
