#include "health/season.h"

#include <stdio.h>

#define SECOND_US INT64_C(1000000)

enum {
    HOUR_S = 3600,
    MONDAY = 72,    /* 1970-01-01T00 was hour 72 of a week that begins on Monday */
    WEEKS_MAX = 16, /* of a cell */
    AHEAD_S = 1800, /* how long before an hour its risk is told */
};

static const double BAD_SHARE = 0.15;
static const double PRIOR_WEEKS = 1;

static unsigned cell_of(int64_t hour)
{
    return (unsigned)(((hour + MONDAY) % SEASON_HOURS + SEASON_HOURS) % SEASON_HOURS);
}

static void find_mean(struct season *season)
{
    double weeks = SEASON_HOURS, bad = 0; /* begins as if a week had been good */
    for (unsigned i = 0; i < SEASON_HOURS; ++i) {
        weeks += season->cells[i].weeks;
        bad += season->cells[i].bad;
    }
    season->mean = bad / weeks;
}

static void fade(struct season_cell *cell)
{
    cell->weeks /= 2;
    cell->bad /= 2;
    cell->checks /= 2;
    cell->failed /= 2;
}

static void add(struct season *season, int64_t hour, int64_t checks, int64_t failed)
{
    struct season_cell *cell = &season->cells[cell_of(hour)];
    if (checks <= 0 || failed < 0 || failed > checks)
        return;
    if (cell->weeks >= WEEKS_MAX)
        fade(cell);
    while (checks + cell->checks > UINT16_MAX) { /* checks every second: only their share is wanted */
        checks /= 2;
        failed /= 2;
        cell->checks /= 2;
        cell->failed /= 2;
    }
    /* One more in the divisor: of two checks one bad one is a bad hour, of six it is not. */
    cell->bad = (uint8_t)(cell->bad + ((double)failed / (double)(checks + 1) >= BAD_SHARE));
    cell->weeks = (uint8_t)(cell->weeks + 1);
    cell->checks = (uint16_t)(cell->checks + checks);
    cell->failed = (uint16_t)(cell->failed + failed);
}

void season_add_hour(struct season *season, int64_t start_s, int64_t checks, int64_t failed)
{
    add(season, start_s / HOUR_S, checks, failed);
}

void season_primed(struct season *season)
{
    find_mean(season);
}

void season_take(struct season *season, int64_t now_us, bool up)
{
    int64_t hour = now_us / (HOUR_S * SECOND_US);
    if (hour != season->hour) {
        if (hour > season->hour) { /* under a clock that was set back the hour is not counted twice */
            add(season, season->hour, season->checks, season->failed);
            find_mean(season);
        }
        season->hour = hour;
        season->checks = season->failed = 0;
    }
    ++season->checks;
    season->failed += !up;
}

static double cell_risk(const struct season *season, const struct season_cell *cell)
{
    if (cell->bad < 2)
        return 0;
    double risk = (cell->bad - 1 + PRIOR_WEEKS * season->mean) / (cell->weeks - 1 + PRIOR_WEEKS);
    return risk > 2 * season->mean ? risk : 0; /* else it is no season: it fails at all hours */
}

double season_risk(const struct season *season, int64_t now_us, char *detail, size_t detail_size)
{
    static const char *const days[] = {"Mondays", "Tuesdays",  "Wednesdays", "Thursdays",
                                       "Fridays", "Saturdays", "Sundays"};
    int64_t now = now_us / (HOUR_S * SECOND_US), soon = (now_us + AHEAD_S * SECOND_US) / (HOUR_S * SECOND_US);
    double risk = cell_risk(season, &season->cells[cell_of(now)]);
    double next_risk = cell_risk(season, &season->cells[cell_of(soon)]);
    bool next = next_risk > risk;
    unsigned at = cell_of(next ? soon : now);
    const struct season_cell *cell = &season->cells[at];
    if (next)
        risk = next_risk;
    if (risk > 0)
        snprintf(detail, detail_size, "failed in %.0f %% of the checks on %s %02u:00-%02u:00 UTC (%u of %u weeks), %s",
                 100.0 * cell->failed / (cell->checks > 0 ? cell->checks : 1), days[at / 24], at % 24,
                 (at % 24 + 1) % 24, cell->bad, cell->weeks, next ? "next hour" : "this hour");
    return risk;
}
