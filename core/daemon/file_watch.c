#include "daemon/file_watch.h"

#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

enum { EVENTS_BYTES = 16 * 1024, LOOK_AGAIN_MS = 1000, NAME_SHOWN_MAX = 256 };

static const uint32_t CHANGES = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE;

struct place {
    struct place *next;
    int descriptor; /* of the kernel's watch; -1 = the folder is not there */
    char *folder;
    char *name; /* of the file in it; NULL = its Lua files */
};

struct file_watch {
    struct loop *loop;
    struct watch *watch; /* of the inotify descriptor, which it owns */
    int fd;
    struct place *places;
    struct timer settle;
    struct timer look_again;
    char changed_name[NAME_SHOWN_MAX];
    bool full_told;
    void (*changed)(const char *name, void *user);
    void *user;
};

/* -- places -- */

static void look_for(struct file_watch *watch, struct place *place)
{
    place->descriptor =
        inotify_add_watch(watch->fd, place->folder, CHANGES | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR);
    if (place->descriptor == -1 && errno == ENOSPC && !watch->full_told) {
        watch->full_told = true;
        log_warning("watch", "%s: not watched: the system has no more watches (fs.inotify.max_user_watches)",
                    place->folder);
    }
}

static void note_change(struct file_watch *watch, const char *name)
{
    snprintf(watch->changed_name, sizeof(watch->changed_name), "%s", name);
    timer_start(watch->loop, &watch->settle, loop_now_us(watch->loop) + FILE_WATCH_SETTLE_MS * 1000);
}

static void look_again_soon(struct file_watch *watch)
{
    if (!timer_armed(&watch->look_again))
        timer_start(watch->loop, &watch->look_again, loop_now_us(watch->loop) + LOOK_AGAIN_MS * 1000);
}

static void on_look_again(struct timer *timer, void *user)
{
    (void)timer;
    struct file_watch *watch = user;
    for (struct place *place = watch->places; place != NULL; place = place->next) {
        if (place->descriptor != -1)
            continue;
        look_for(watch, place);
        if (place->descriptor != -1)
            note_change(watch, place->folder);
        else
            look_again_soon(watch);
    }
}

static void add_place(struct file_watch *watch, char *folder, char *name)
{
    struct place *place = calloc(1, sizeof(*place));
    if (place == NULL || folder == NULL) {
        log_error("watch", "out of memory for a folder");
        free(folder);
        free(name);
        free(place);
        return;
    }
    *place = (struct place){.next = watch->places, .folder = folder, .name = name};
    watch->places = place;
    look_for(watch, place);
    if (place->descriptor == -1)
        look_again_soon(watch);
}

void file_watch_folder(struct file_watch *watch, const char *folder)
{
    add_place(watch, strdup(folder), NULL);
}

void file_watch_file(struct file_watch *watch, const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash == NULL ? strdup(".") : slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
    add_place(watch, folder, strdup(slash != NULL ? slash + 1 : path));
}

void file_watch_clear(struct file_watch *watch)
{
    for (struct place *place = watch->places, *next; place != NULL; place = next) {
        next = place->next;
        if (place->descriptor != -1)
            inotify_rm_watch(watch->fd, place->descriptor); /* of two places in one folder the second fails */
        free(place->folder);
        free(place->name);
        free(place);
    }
    watch->places = NULL;
    timer_stop(watch->loop, &watch->settle);
    timer_stop(watch->loop, &watch->look_again);
}

/* -- what the kernel tells -- */

static bool is_lua(const char *name)
{
    size_t len = strlen(name);
    return name[0] != '.' && len > 4 && strcmp(name + len - 4, ".lua") == 0;
}

/* "..data": how Kubernetes changes all files of a mounted ConfigMap at once. */
static bool concerns(const struct place *place, const char *name)
{
    return strcmp(name, "..data") == 0 || (place->name != NULL ? strcmp(name, place->name) == 0 : is_lua(name));
}

static void take(struct file_watch *watch, const struct inotify_event *event)
{
    if ((event->mask & IN_Q_OVERFLOW) != 0) {
        log_warning("watch", "the system lost changes of files");
        note_change(watch, "something");
    }
    for (struct place *place = watch->places; place != NULL; place = place->next) {
        if (place->descriptor != event->wd)
            continue;
        if ((event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED)) != 0) {
            place->descriptor = -1;
            note_change(watch, place->folder);
            look_again_soon(watch);
        } else if (event->len != 0 && concerns(place, event->name)) {
            note_change(watch, event->name);
        }
    }
    if ((event->mask & IN_MOVE_SELF) != 0)
        inotify_rm_watch(watch->fd, event->wd);
}

static void on_readable(void *user)
{
    struct file_watch *watch = user;
    _Alignas(struct inotify_event) char bytes[EVENTS_BYTES];
    ssize_t len;
    while ((len = read(watch->fd, bytes, sizeof(bytes))) > 0) {
        for (char *at = bytes; at < bytes + len;) {
            const struct inotify_event *event = (const struct inotify_event *)(void *)at;
            take(watch, event);
            at += sizeof(*event) + event->len;
        }
    }
}

static void on_settled(struct timer *timer, void *user)
{
    (void)timer;
    struct file_watch *watch = user;
    watch->changed(watch->changed_name, watch->user);
}

/* -- life -- */

struct file_watch *file_watch_new(struct loop *loop, void (*changed)(const char *name, void *user), void *user)
{
    struct file_watch *watch = calloc(1, sizeof(*watch));
    if (watch == NULL)
        return NULL;
    *watch = (struct file_watch){.loop = loop, .changed = changed, .user = user};
    timer_init(&watch->settle, on_settled, watch);
    timer_init(&watch->look_again, on_look_again, watch);
    watch->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (watch->fd != -1)
        watch->watch = loop_watch(loop, watch->fd, on_readable, watch);
    if (watch->watch != NULL)
        return watch;
    int why = errno;
    if (watch->fd != -1)
        close(watch->fd);
    free(watch);
    errno = why;
    return NULL;
}

void file_watch_free(struct file_watch *watch)
{
    if (watch == NULL)
        return;
    file_watch_clear(watch);
    loop_unwatch(watch->watch);
    free(watch);
}
