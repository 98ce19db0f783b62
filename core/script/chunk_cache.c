#include "script/chunk_cache.h"

#include "base/buf.h"

#include <lauxlib.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Which content a path had. */
struct identity {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified;
    struct timespec changed;
};

/* Compiled code; counted, since one thread may load it while another forgets it. */
struct chunk {
    atomic_uint references;
    struct buf code;
};

struct entry {
    struct entry *next;
    char *path;
    struct identity identity;
    struct chunk *chunk;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct entry *entries;
static size_t bytes_kept;

static void release(struct chunk *chunk)
{
    if (atomic_fetch_sub_explicit(&chunk->references, 1, memory_order_acq_rel) == 1) {
        buf_dispose(&chunk->code);
        free(chunk);
    }
}

static bool identify(const char *path, struct identity *identity)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return false;
    *identity = (struct identity){status.st_dev, status.st_ino, status.st_size, status.st_mtim, status.st_ctim};
    return true;
}

static bool same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool same(const struct identity *a, const struct identity *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           same_time(a->modified, b->modified) && same_time(a->changed, b->changed);
}

/* -- the entries, with the mutex held -- */

static void forget(struct entry **place)
{
    struct entry *entry = *place;
    *place = entry->next;
    bytes_kept -= entry->chunk->code.len;
    release(entry->chunk);
    free(entry->path);
    free(entry);
}

static struct entry **find(const char *path)
{
    struct entry **at = &entries;
    while (*at != NULL && strcmp((*at)->path, path) != 0)
        at = &(*at)->next;
    return at;
}

static struct chunk *look_up(const char *path, const struct identity *identity)
{
    pthread_mutex_lock(&mutex);
    struct entry **place = find(path);
    struct chunk *chunk = NULL;
    if (*place != NULL && same(&(*place)->identity, identity)) {
        chunk = (*place)->chunk;
        atomic_fetch_add_explicit(&chunk->references, 1, memory_order_relaxed);
    }
    pthread_mutex_unlock(&mutex);
    return chunk;
}

/* Takes the code over. What there is no memory for is compiled again next time. */
static void keep(const char *path, const struct identity *identity, struct buf *code)
{
    struct entry *entry = calloc(1, sizeof(*entry));
    struct chunk *chunk = calloc(1, sizeof(*chunk));
    char *copy = strdup(path);
    if (entry == NULL || chunk == NULL || copy == NULL || !buf_ok(code) || code->len > CHUNK_CACHE_MAX) {
        free(entry);
        free(chunk);
        free(copy);
        buf_dispose(code);
        return;
    }
    atomic_init(&chunk->references, 1);
    chunk->code = *code;
    pthread_mutex_lock(&mutex);
    struct entry **place = find(path);
    if (*place != NULL)
        forget(place);
    while (entries != NULL && bytes_kept + chunk->code.len > CHUNK_CACHE_MAX)
        forget(&entries);
    *entry = (struct entry){entries, copy, *identity, chunk};
    entries = entry;
    bytes_kept += chunk->code.len;
    pthread_mutex_unlock(&mutex);
}

/* -- loading -- */

static int append_code(lua_State *L, const void *bytes, size_t len, void *user)
{
    (void)L;
    struct buf *code = user;
    buf_append(code, bytes, len);
    return !buf_ok(code);
}

static int load_code(lua_State *L, const struct chunk *chunk, const char *path)
{
    lua_pushfstring(L, "@%s", path);
    int status = luaL_loadbufferx(L, chunk->code.bytes, chunk->code.len, lua_tostring(L, -1), "b");
    lua_remove(L, -2);
    return status;
}

void chunk_cache_load(lua_State *L, const char *path)
{
    struct identity before, after;
    struct buf code = BUF_EMPTY;
    bool known = identify(path, &before);
    struct chunk *chunk = known ? look_up(path, &before) : NULL;
    if (chunk != NULL) {
        int status = load_code(L, chunk, path); /* raises nothing: luaL_loadbufferx is protected */
        release(chunk);
        if (status != LUA_OK)
            lua_error(L);
        return;
    }
    if (luaL_loadfilex(L, path, "t") != LUA_OK)
        lua_error(L);
    if (!known || lua_dump(L, append_code, &code, 0) != 0 || !identify(path, &after) || !same(&before, &after))
        buf_dispose(&code); /* it changes just now */
    else
        keep(path, &before, &code);
}
