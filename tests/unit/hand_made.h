/* hand_made: snapshots without a tracker, for the tests of plugin/ and serve/. */
#ifndef PROVIDERD_TESTS_HAND_MADE_H
#define PROVIDERD_TESTS_HAND_MADE_H

#include "health/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

enum { HAND_MADE_BOOT_ID = 0xb007 };

/* 2026-11-23T08:22:14.217175Z */
static const int64_t HAND_MADE_TIME_US = INT64_C(1795422134217175);

static inline struct snapshot *hand_made_snapshot(uint64_t version, size_t count)
{
    struct snapshot *snapshot = snapshot_new(count);
    assert_non_null(snapshot);
    snapshot->version = version;
    snapshot->boot_id = HAND_MADE_BOOT_ID;
    snapshot->published_us = HAND_MADE_TIME_US;
    snapshot->check_interval_ms = 300000;
    return snapshot;
}

/* Puts a provider at position `i`; names must ascend. A status other than unknown makes it a checked one. */
static inline struct provider_view *hand_made_provider(struct snapshot *snapshot, size_t i, const char *name,
                                                       enum health_status status, double response_time_ms)
{
    struct provider_view *view = provider_view_new(name);
    assert_non_null(view);
    assert_true(i < snapshot->count);
    assert_true(i == 0 || strcmp(snapshot->providers[i - 1]->name, name) < 0);
    view->status = status;
    view->lead->response_time_ms = response_time_ms;
    if (status != HEALTH_UNKNOWN) {
        view->lead->last_check_us = HAND_MADE_TIME_US;
        view->uptime_percent = 100;
    }
    snapshot->providers[i] = view;
    return view;
}

static inline void hand_made_absence(struct snapshot *snapshot, const char *name, const char *message, bool broken)
{
    struct provider_absence *grown =
        realloc(snapshot->absences, (snapshot->absence_count + 1) * sizeof(*snapshot->absences));
    assert_non_null(grown);
    snapshot->absences = grown;
    struct provider_absence *absence = &grown[snapshot->absence_count++];
    memset(absence, 0, sizeof(*absence));
    strncpy(absence->name, name, sizeof(absence->name) - 1);
    strncpy(absence->message, message, sizeof(absence->message) - 1);
    absence->broken = broken;
}

#endif
