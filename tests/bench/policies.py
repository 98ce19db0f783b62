"""Judges the policies on a week of simulated checks: `providerd replay` over databases that are made here, one a scenario.

    policies.py PROVIDERD PLUGINS FOLDER

A scenario is 12 providers, checked every 5 minutes for 7 days. The latency of a check is the provider's own level, times a wave
of the day, times slow changes (an Ornstein-Uhlenbeck process with a half-life of some hours), times the noise of a single check
(log-normal, sigma 0.25), which is what a policy should not run after. Outages come at random (exponential times between them,
log-normal lengths about 20 minutes); some providers share a cloud and fall together. Seeds are fixed, so that runs agree.

No provider has given us a recording of a week, so these are models of one; the levels and lengths are of the order that status
pages and public comparisons of providers show."""
import datetime
import json
import math
import pathlib
import random
import sqlite3
import subprocess
import sys

PROVIDERS, DAYS, INTERVAL_S = 12, 7, 300
MINUTE, HOUR, DAY = 60, 3600, 86400
THRESHOLD_MS, TIMEOUT_MS = 1000, 10000

SCHEMA = """
CREATE TABLE provider_health_checks (id INTEGER PRIMARY KEY AUTOINCREMENT, provider_name TEXT NOT NULL, status TEXT NOT NULL,
 response_time_ms REAL, uptime_percent REAL, rate_limit_percent REAL, last_check_timestamp DATETIME NOT NULL, error_message TEXT,
 consecutive_failures INTEGER DEFAULT 0, created_at DATETIME DEFAULT CURRENT_TIMESTAMP, ok INTEGER, reason TEXT,
 http_status INTEGER, dns_ms REAL, connect_ms REAL, tls_ms REAL, first_byte_ms REAL, error_kind TEXT, key INTEGER,
 rate_limit TEXT);
CREATE INDEX idx_provider_timestamp ON provider_health_checks(provider_name, last_check_timestamp);
"""


def outages_of(rng, between_s, length_s, start_s, end_s):
    """Stretches of being down."""
    spans, at = [], start_s + rng.expovariate(1 / between_s)
    while at < end_s:
        length = length_s * math.exp(rng.gauss(0, 0.8))
        spans.append((at, at + length))
        at += length + rng.expovariate(1 / between_s)
    return spans


class Provider:
    def __init__(self, rng, level_ms, wave=0.2, wander=0.15, between_s=60 * HOUR, clouds=(), limited_from_hour=None):
        self.rng, self.level_ms, self.wave, self.wander = rng, level_ms, wave, wander
        self.between_s, self.clouds, self.limited_from_hour = between_s, clouds, limited_from_hour
        self.drift = 0.0

    def begin(self, start_s, end_s):
        self.down = outages_of(self.rng, self.between_s, 20 * MINUTE, start_s, end_s)
        for cloud in self.clouds:
            self.down += cloud

    def check(self, at_s):
        """(ok, kind, latency in ms, share of the limit used in percent)"""
        hour = at_s % DAY / HOUR
        self.drift += -0.02 * self.drift + self.rng.gauss(0, self.wander * 0.2)
        latency = self.level_ms * math.exp(self.drift + self.wave * math.sin((hour - 9) / 24 * 2 * math.pi)
                                           + self.rng.gauss(0, 0.25))
        used = 0.0
        if self.limited_from_hour is not None:
            used = min(100.0, 100 * hour / self.limited_from_hour)
        if any(begin <= at_s < end for begin, end in self.down):
            return (0, "timeout", TIMEOUT_MS, used) if self.rng.random() < 0.5 else (0, "server_error", 90.0, used)
        if used >= 100:
            return 1, "quota_window", 60.0, used
        if self.rng.random() < 0.003:
            return 0, "server_error", latency, used
        return 1, None, latency, used


def levels(rng, low, high):
    return [low * (high / low) ** (i / (PROVIDERS - 1)) * rng.uniform(0.9, 1.1) for i in range(PROVIDERS)]


def clearly_apart(rng, start_s, end_s):
    return [Provider(rng, level) for level in levels(rng, 150, 900)]


def nearly_equal(rng, start_s, end_s):
    return [Provider(rng, level, wave=0.05, wander=0.1) for level in levels(rng, 280, 340)]


def restless(rng, start_s, end_s):
    return [Provider(rng, level, wave=0.4, wander=0.5) for level in levels(rng, 200, 500)]


def often_down(rng, start_s, end_s):
    return [Provider(rng, level, between_s=8 * HOUR) for level in levels(rng, 200, 500)]


def shared_clouds(rng, start_s, end_s):
    clouds = [outages_of(rng, 16 * HOUR, 25 * MINUTE, start_s, end_s) for _ in range(3)]
    return [Provider(rng, level, clouds=[clouds[i % 3] if i >= 4 else clouds[0]], between_s=200 * HOUR)
            for i, level in enumerate(levels(rng, 200, 500))]


def limits_run_out(rng, start_s, end_s):
    return [Provider(rng, level, limited_from_hour=(8 + 2 * i) if i < 6 else None)
            for i, level in enumerate(levels(rng, 200, 600))]


SCENARIOS = [clearly_apart, nearly_equal, restless, often_down, shared_clouds, limits_run_out]


def fill(path, make, seed):
    rng = random.Random(seed)
    end_s = int(datetime.datetime.now(datetime.timezone.utc).timestamp()) // HOUR * HOUR
    start_s = end_s - DAYS * DAY
    providers = make(rng, start_s, end_s)
    rows = []
    for i, provider in enumerate(providers):
        provider.begin(start_s, end_s)
        failures = 0
        for at_s in range(start_s + i * INTERVAL_S // PROVIDERS, end_s, INTERVAL_S):
            ok, kind, latency, used = provider.check(at_s)
            failures = 0 if ok else failures + 1
            status = "down" if failures >= 3 else "healthy" if ok and not kind and latency <= THRESHOLD_MS else "degraded"
            time = datetime.datetime.fromtimestamp(at_s, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000000")
            rows.append((time, f"p{i:02}", status, round(latency, 3), used, failures, ok, kind))
    rows.sort()
    path.unlink(missing_ok=True)
    with sqlite3.connect(path) as connection:
        connection.executescript(SCHEMA)
        connection.executemany(
            "INSERT INTO provider_health_checks (last_check_timestamp, provider_name, status, response_time_ms,"
            " rate_limit_percent, consecutive_failures, ok, error_kind, uptime_percent) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 100)", rows)
    connection.close()


def replay(providerd, plugins, folder, database):
    config = folder / "providerd.lua"
    config.write_text(f'return {{ plugin_paths = {{ "{plugins}" }}, provider_paths = {{ "{plugins.parent / "providers"}" }} }}\n')
    done = subprocess.run([providerd, "-c", config, "--database", database, "replay", "--json"], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return json.loads(done.stdout)["policies"]


COLUMNS = [("failed_percent", "failed %"), ("failed_twice_percent", "twice %"), ("switches_per_hour", "switches/h"),
           ("latency_ms", "latency ms"), ("regret_ms", "regret ms")]


def show(title, rows):
    print(f"{title:<20}" + "".join(f"{name:>12}" for _, name in COLUMNS))
    for policy, row in rows:
        print(f"  {policy:<18}" + "".join(f"{row[key]:>12.2f}" for key, _ in COLUMNS))
    print()


def main():
    providerd, plugins, folder = (pathlib.Path(argument).resolve() for argument in sys.argv[1:4])
    sums = {}
    for number, make in enumerate(SCENARIOS):
        database = folder / f"{make.__name__}.db"
        fill(database, make, 20261124 + number)
        rows = [(row["policy"], row) for row in replay(providerd, plugins, folder, database)]
        show(make.__name__.replace("_", " "), rows)
        for policy, row in rows:
            mean = sums.setdefault(policy, dict.fromkeys((key for key, _ in COLUMNS), 0.0))
            for key, _ in COLUMNS:
                mean[key] += row[key] / len(SCENARIOS)
    show("mean of all", sums.items())


if __name__ == "__main__":
    main()
