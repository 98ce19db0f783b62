/* The loop: what time it is in a callback, and how late timers are. */
#include "base/clock.h"
#include "event/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <unistd.h>

struct scene {
    struct loop *loop;
    int fds[2];
    uint64_t written_us; /* before the loop can know */
    uint64_t seen_us;    /* the loop's time in the callback */
    struct timer far, soon;
    bool soon_fired;
};

static void on_far(struct timer *timer, void *user)
{
    (void)timer;
    loop_stop(((struct scene *)user)->loop);
}

static void on_soon(struct timer *timer, void *user)
{
    struct scene *scene = user;
    (void)timer;
    scene->soon_fired = true;
    loop_stop(scene->loop);
}

static void on_byte(void *user)
{
    struct scene *scene = user;
    char byte;
    assert_int_equal(read(scene->fds[0], &byte, 1), 1);
    scene->seen_us = loop_now_us(scene->loop);
    timer_start(scene->loop, &scene->soon, scene->seen_us);
}

/* While the loop sleeps until the far timer. */
static void *write_byte(void *user)
{
    struct scene *scene = user;
    usleep(100 * 1000);
    scene->written_us = clock_monotonic_us();
    assert_int_equal(write(scene->fds[1], "x", 1), 1);
    return NULL;
}

static void the_time_in_a_callback_is_not_that_of_before_the_sleep(void **state)
{
    struct scene scene = {.loop = loop_new()};
    pthread_t writer;
    (void)state;
    assert_int_equal(pipe(scene.fds), 0);
    timer_init(&scene.far, on_far, &scene);
    timer_init(&scene.soon, on_soon, &scene);
    timer_start(scene.loop, &scene.far, loop_now_us(scene.loop) + 60 * 1000 * 1000);
    struct watch *watch = loop_watch(scene.loop, scene.fds[0], on_byte, &scene);
    assert_int_equal(pthread_create(&writer, NULL, write_byte, &scene), 0);
    loop_run(scene.loop);
    pthread_join(writer, NULL);
    assert_true(scene.soon_fired);
    assert_true(scene.seen_us >= scene.written_us);
    timer_stop(scene.loop, &scene.far);
    loop_unwatch(watch);
    close(scene.fds[1]);
    loop_free(scene.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_time_in_a_callback_is_not_that_of_before_the_sleep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
