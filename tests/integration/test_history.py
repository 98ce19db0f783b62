"""The history as it is asked for: stretches of time, providers, models, pages, formats, steps; outages; the export."""
import csv
import datetime
import io
import json
import math
import random
import socket
import sqlite3
import time

import pytest
from harness import request, wait_for

NOW = int(time.time())
HOUR = 3600


def sql_time(seconds, separator="T"):
    moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).replace(tzinfo=None)
    return moment.isoformat(timespec="microseconds").replace("T", separator)


def seconds_of(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def iso(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class Past:
    """A daemon that watches nothing, and the rows of its database."""

    def __init__(self, running, path):
        self.daemon, self.path, self.rows = running, path, []

    def run(self, sql, rows):
        with sqlite3.connect(self.path, timeout=30) as connection:
            connection.executemany(sql, rows)

    def add(self, rows):
        """(provider, age in seconds, latency, ok) each."""
        self.run("INSERT INTO provider_health_checks (provider_name, status, response_time_ms, uptime_percent,"
                 " rate_limit_percent, last_check_timestamp, consecutive_failures, ok, reason)"
                 " VALUES (?, ?, ?, 100.0, 0.0, ?, 0, ?, 'ok')",
                 [(name, "healthy" if ok else "down", latency, sql_time(NOW - age), ok)
                  for name, age, latency, ok in rows])

    def get(self, path, status=200):
        answer = self.daemon.get("/api/providers" + path)
        assert answer.status == status, answer.body[:500]
        return answer

    def json(self, path, status=200):
        return self.get(path, status).json

    def refusal(self, path):
        return self.json(path, 400)["detail"]


@pytest.fixture
def past(daemon, tmp_path):
    running = daemon()
    path = tmp_path / "provider_status.db"
    wait_for(path.exists, "the database")
    return Past(running, path)


def few(past):
    past.add([(name, age, 100.0 + age, 1) for name in ("alpha", "beta", "gamma") for age in range(0, 600, 60)])


def test_from_and_to_bound_the_rows(past):
    few(past)
    between = past.json(f"/history/alpha?from={NOW - 300}&to={NOW - 60}")
    assert [seconds_of(row["timestamp"]) for row in between] == [NOW - age for age in (300, 240, 180, 120)]
    assert past.json(f"/history/alpha?from={iso(NOW - 300)}&to={iso(NOW - 60)}") == between
    offset = (datetime.datetime.fromtimestamp(NOW - 300, datetime.timezone(datetime.timedelta(hours=2)))
              .isoformat(timespec="seconds"))
    assert past.json(f"/history/alpha?from={offset}&to={NOW - 60}") == between  # with its '+' as it is
    assert len(past.json("/history/alpha?from=7d")) == 10
    assert len(past.json(f"/history/alpha?hours=1&to={NOW - 60}")) == 8


@pytest.mark.parametrize("query, text", [
    ("hours=1&from=7d", "one of them"), ("from=1&to=1", "before"), ("from=yesterday", "got 'yesterday'"),
    ("to=2026-13-01T00:00:00Z", "to: expected"), ("from=99999999999999", "from: expected"), ("format=xml", "format: "),
    ("limit=0", "limit: "), ("limit=x", "limit: "), ("cursor=00", "limit"), ("limit=1&cursor=zz", "cursor: "),
    ("limit=1&cursor=616263", "cursor: "), ("step=0s", "step: "), ("step=5m&points=10", "one of them"),
    ("step=1s&hours=24", "steps"), ("points=0", "points: "), ("merge=1&provider=a", "merge"), ("merge=2", "merge: "),
    ("merge=1&step=5m", "10m"), ("model=m&key=2", "combined"), ("key=0", "key: "), ("step=1h&limit=5", "limit"),
    ("provider=,", "provider: "), ("from=%zz", "malformed"), ("merge=1&model=m", "model"),
])
def test_what_contradicts_itself_is_refused(past, query, text):
    assert text in past.refusal(f"/history?{query}")


def test_providers_are_chosen_and_unknown_ones_absent(past):
    few(past)
    assert list(past.json("/history?provider=gamma,alpha,nobody,alpha")) == ["alpha", "gamma"]
    assert past.json("/history?provider=nobody") == {}
    assert "combined" in past.refusal("/history/alpha?provider=beta")
    past.json("/history/nobody", 404)


def next_link(answer):
    link = answer.headers.get("link")
    if link is None:
        return None
    assert link.startswith("</api/providers") and link.endswith('>; rel="next"')
    return link[1:].split(">")[0].removeprefix("/api/providers")


@pytest.mark.parametrize("form", ["json", "ndjson", "csv"])
def test_pages_have_every_row_once_while_rows_are_added(past, form):
    few(past)
    seen, path, pages = [], f"/history?limit=7&format={form}", 0
    while path:
        answer = past.get(path)
        if form == "json":
            rows = [row for rows in answer.json["history"].values() for row in rows]
            assert (answer.json["next_cursor"] is None) == ("link" not in answer.headers)
        elif form == "csv":
            rows = list(csv.DictReader(io.StringIO(answer.body.decode())))
        else:
            rows = [json.loads(line) for line in answer.body.decode().splitlines()]
        assert len(rows) <= 7
        seen += [(row["provider_name"], row["timestamp"]) for row in rows]
        path, pages = next_link(answer), pages + 1
        past.add([("alpha", -pages, 1.0, 1), ("gamma", -pages, 1.0, 1)])
    old = [entry for entry in seen if seconds_of(entry[1]) <= NOW]
    assert len(old) == 30 and len(seen) == len(set(seen))
    assert seen == sorted(seen)


def test_pages_of_one_provider_end_without_a_cursor(past):
    few(past)
    first = past.json("/history/alpha?limit=6")
    rest = past.json(f"/history/alpha?limit=6&cursor={first['next_cursor']}")
    assert len(first["history"]) == 6 and len(rest["history"]) == 4 and rest["next_cursor"] is None


def test_csv_is_quoted_and_formulas_are_neutralised(past):
    past.run("INSERT INTO provider_health_checks (provider_name, status, response_time_ms, last_check_timestamp, ok,"
             " reason, error_kind, error_message) VALUES (?, 'down', 1.5, ?, 0, ?, ?, ?)",
             [("alpha", sql_time(NOW - 5), '=1+1,"x"', "@cmd", "-2\nlines")])
    for path in ("/history?format=csv", "/export/csv?hours=1"):
        row, = csv.DictReader(io.StringIO(past.get(path).body.decode()))
        assert row["reason"] == "'=1+1,\"x\"" and row["error_kind"] == "'@cmd"
    assert row["error_message"] == "'-2\nlines"


def test_rows_of_the_original_are_shown_and_counted(past):
    past.run("INSERT INTO provider_health_checks (provider_name, status, response_time_ms, last_check_timestamp,"
             " consecutive_failures) VALUES ('old', ?, 10.0, ?, ?)",
             [("healthy", sql_time(NOW - 20, " "), 0), ("degraded", sql_time(NOW - 15, " "), 0),
              ("down", sql_time(NOW - 10), 3), ("unknown", sql_time(NOW - 5, " "), 0)])
    assert len(past.json("/history/old")) == 4
    assert len(past.get("/export/csv?hours=1").body.splitlines()) == 5
    steps = past.json("/history/old?step=24h&hours=1")
    assert [sum(step[key] for step in steps) for key in ("checks", "up", "unknown")] == [3, 2, 1]


def quantile(values, q):
    return sorted(values)[max(1, math.ceil(q * len(values))) - 1]


def expected_steps(rows, step):
    steps = {}
    for age, latency, ok in rows:
        steps.setdefault((NOW - age) // step * step, []).append((latency, ok))
    return steps


def assert_steps(steps, expected):
    assert [seconds_of(step["t"]) for step in steps] == sorted(expected)
    for step in steps:
        rows = expected[int(seconds_of(step["t"]))]
        good = [latency for latency, ok in rows if ok]
        assert (step["checks"], step["up"]) == (len(rows), len(good))
        if not good:
            assert step["mean"] is None and step["p95"] is None
            continue
        assert step["min"] == pytest.approx(min(good), abs=0.001)
        assert step["max"] == pytest.approx(max(good), abs=0.001)
        assert step["mean"] == pytest.approx(sum(good) / len(good), abs=0.001)
        assert step["p95"] == pytest.approx(quantile(good, 0.95), rel=0.02)


def random_rows(count, seconds):
    chance = random.Random(4)
    return [(chance.randrange(seconds), round(chance.lognormvariate(5, 1), 3), int(chance.random() < 0.9))
            for _ in range(count)]


@pytest.mark.parametrize("step, length", [("5m", 300), ("10m", 600), ("1h", HOUR), ("24h", 24 * HOUR)])
def test_steps_are_what_the_rows_add_up_to(past, step, length):
    rows = random_rows(3000, 6 * HOUR)
    past.add([("alpha" if i % 2 else "beta", *row) for i, row in enumerate(rows)])
    each = past.json(f"/history?step={step}&from={NOW - 6 * HOUR}")
    assert_steps(each["alpha"], expected_steps(rows[1::2], length))
    assert_steps(each["beta"], expected_steps(rows[0::2], length))
    assert past.json(f"/history/alpha?step={step}&from={NOW - 6 * HOUR}") == each["alpha"]
    if length % 600 == 0:
        assert_steps(past.json(f"/history?step={step}&from={NOW - 6 * HOUR}&merge=1")["*"],
                     expected_steps(rows, length))


@pytest.mark.parametrize("gone", [False, True])
def test_steps_are_the_same_from_rollups_whether_the_rows_are_still_there_or_not(daemon, write_config, tmp_path, gone):
    config = write_config()
    path = tmp_path / "provider_status.db"
    first = daemon(config=config)
    past = Past(first, path)
    rows = random_rows(2000, 6 * HOUR)
    past.add([("alpha", *row) for row in rows])
    first.stop()
    past.daemon = daemon(config=config)  # rolls up when it starts

    def rolled_up():
        with sqlite3.connect(path, timeout=30) as connection:
            mark = connection.execute("SELECT last_id FROM provider_rollup_marks"
                                      " WHERE table_name = 'provider_health_checks'").fetchone()
        return mark and mark[0] == len(rows)
    wait_for(rolled_up, "the rollups")
    if gone:
        past.run("DELETE FROM provider_health_checks WHERE id <= ? AND id % 2 = 0", [(len(rows),)])
    newer = [(5, 77.7, 1), (2, 88.8, 1)]  # above the mark
    past.add([("alpha", *row) for row in newer])
    query = f"?step=1h&from={NOW - 6 * HOUR}"
    assert_steps(past.json(f"/history/alpha{query}"), expected_steps(rows + newer, HOUR))
    assert_steps(past.json(f"/history{query}")["alpha"], expected_steps(rows + newer, HOUR))
    assert_steps(past.json(f"/history{query}&merge=1")["*"], expected_steps(rows + newer, HOUR))
    assert_steps(past.json(f"/history?step=10m&merge=1&from={NOW - 6 * HOUR}")["*"], expected_steps(rows + newer, 600))


def test_points_choose_a_step(past):
    few(past)
    steps = past.json("/history/alpha?points=12&hours=1")
    starts = [seconds_of(step["t"]) for step in steps]
    assert all(start % 300 == 0 for start in starts) and 2 <= len(starts) <= 3
    assert len(past.get("/history?points=12&hours=1&format=csv").body.splitlines()) >= 7
    assert past.json("/history?merge=1&from=1d")["*"]


def test_points_of_each_provider_over_days_are_hours(past):
    past.add([("alpha", minutes * 60, 20.0, 1) for minutes in range(5, 300, 20)])

    def starts(query):
        return [seconds_of(step["t"]) for step in past.json("/history?points=500&" + query)["alpha"]]
    assert all(start % HOUR == 0 for start in starts("from=7d"))
    assert any(start % HOUR for start in starts("from=7d&provider=alpha"))
    assert any(start % HOUR for start in starts("from=1d"))


def test_deep_probes_of_a_model_and_checks_of_a_key(past):
    few(past)
    past.run("INSERT INTO provider_deep_checks (provider_name, rung, ok, error_kind, model_asked, model, first_token_ms,"
             " tokens_per_second, tokens, response_time_ms, last_check_timestamp) VALUES ('alpha', 'timed', ?, ?, ?, 'x',"
             " ?, ?, 30, 500.0, ?)",
             [(1, None, "m1", 100.0, 50.0, sql_time(NOW - 9)), (0, "timeout", "m1", None, None, sql_time(NOW - 8)),
              (1, None, "m2", 1.0, 2.0, sql_time(NOW - 7))])
    past.run("INSERT INTO provider_key_checks (provider_name, key, status, ok, response_time_ms, rate_limit_percent,"
             " last_check_timestamp) VALUES ('alpha', ?, 'healthy', 1, 5.0, 0.0, ?)",
             [(1, sql_time(NOW - 9)), (2, sql_time(NOW - 8))])
    good, bad = past.json("/history?model=m1")["alpha"]
    assert (good["ok"], good["first_token_ms"], good["tokens_per_second"], good["kind"]) == (True, 100.0, 50.0, "timed")
    assert (bad["ok"], bad["first_token_ms"], bad["error_kind"]) == (False, None, "timeout")
    step, = past.json(f"/history/alpha?model=m1&step=365d&from={NOW - 60}")
    assert (step["checks"], step["up"], step["first_token_mean"]) == (2, 1, 100.0)
    row, = past.json("/history/alpha?key=2")
    assert row["key"] == 2 and seconds_of(row["timestamp"]) == NOW - 8
    assert past.json("/history?model=none") == {}


def test_empty_ranges_and_head(past):
    few(past)
    assert past.json("/history?from=2001-01-01&to=2001-01-02") == {}
    assert past.json("/history?from=2001-01-01&to=2001-01-02&step=1h") == {}
    assert past.get("/history?from=2001-01-01&to=2001-01-02&format=ndjson").body == b""
    assert past.get("/export/csv?from=2001-01-01&to=2001-01-02").body.count(b"\n") == 1
    for path in ("/history?limit=3", "/history?step=1h", "/incidents", "/export/csv?hours=1"):
        answer = request(past.daemon.url, "HEAD", "/api/providers" + path)
        assert answer.status == 200 and answer.body == b""


def test_incidents_are_listed_newest_first(past):
    past.run("INSERT INTO provider_incidents (provider_name, key, started, ended, kind, first_error, checks_lost)"
             " VALUES (?, ?, ?, ?, 'timeout', '=bad', 3)",
             [("alpha", 0, sql_time(NOW - 500), sql_time(NOW - 400)), ("beta", 2, sql_time(NOW - 300), None),
              ("alpha", 0, sql_time(NOW - 9 * HOUR), sql_time(NOW - 8 * HOUR))])
    lasting, ended, old = past.json("/incidents")["incidents"]
    assert lasting["key"] == 2 and lasting["ended"] is None and lasting["duration_s"] >= 300
    assert ended == {"provider_name": "alpha", "key": None, "started": iso(NOW - 500).replace("Z", ".000Z"),
                     "ended": iso(NOW - 400).replace("Z", ".000Z"), "duration_s": 100.0, "kind": "timeout",
                     "first_error": "=bad", "checks_lost": 3}
    assert past.json("/incidents?hours=1")["incidents"][1:] == [ended]
    assert past.json("/incidents?from=1d&provider=alpha")["incidents"] == [ended, old]
    assert past.json(f"/incidents?from={NOW - 450}&to={NOW - 420}")["incidents"] == [ended]  # it touches the range
    seen, path = [], "/incidents?limit=1"
    while path:
        answer = past.get(path)
        seen += answer.json["incidents"]
        path = next_link(answer)
    assert [row["started"] for row in seen] == [row["started"] for row in (lasting, ended, old)]
    assert b",'=bad,3\n" in past.get("/incidents?format=csv").body


def test_the_export_has_every_column_of_every_row(past):
    few(past)
    rows = list(csv.DictReader(io.StringIO(past.get("/export/csv?from=0").body.decode())))
    with sqlite3.connect(past.path) as connection:
        cursor = connection.execute("SELECT * FROM provider_health_checks ORDER BY id")
        names = [column[0] for column in cursor.description]
        assert list(rows[0]) == names
        for exported, stored in zip(rows, cursor.fetchall(), strict=True):
            for name, value in zip(names, stored):
                assert exported[name] == ("" if value is None else str(value)), name
    assert len(past.get(f"/export/csv?provider=beta&from={NOW - 120}").body.splitlines()) == 4
    assert "limit" in past.refusal("/export/csv?hours=1&limit=5")


def test_a_client_that_leaves_in_mid_answer_costs_nothing(past):
    past.add([("alpha", age, 1.0, 1) for age in range(40000)])
    host, port = past.daemon.url.removeprefix("http://").split(":")
    for path in ("/history?hours=24", "/export/csv?hours=24", "/history?step=1m", "/history?limit=10000"):
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(f"GET /api/providers{path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            connection.recv(100)
    assert len(past.json("/history/alpha?limit=5")["history"]) == 5
    past.daemon.stop()
