"""Twelve providers that do one thing after another: what is said of each follows at its next check, and stays consistent."""
import random
import time

import pytest

from harness import request, wait_for
from observing import began, history, moment, tell, untell

NAMES = [f"c{n:02}" for n in range(12)]
INTERVAL_S, TIMEOUT_S = 0.8, 0.6
SLACK_S = 1.0  # for a busy machine
MARGIN_S = 0.1  # a busy daemon takes its time from an answer to the end of a check, from which its beginning is reckoned
RETIREMENT = {"error": {"message": "This service has reached its retirement date.", "code": "gone"}}

# What a provider does, and the reason and the error kind that follow.
FAULTS = {
    "ok": ("ok", None),
    "slow 300ms": ("slow", None),
    "401": ("key_invalid", "key_invalid"),
    "429 retry-after=1": ("rate_limited", "rate"),
    "503": ("capacity", "capacity"),
    "hang": ("timeout", "timeout"),
    "reset": ("bad_response", "bad_response"),
    "error200": ("server_error", "server_error"),
    "badjson": ("bad_response", "bad_response"),
    "truncated": ("bad_response", "bad_response"),
    "html": ("waf", "waf"),
    "retired": ("retired", "retired"),
}
ONCE_UP = {"ok": "healthy", "slow": "degraded", "rate_limited": "degraded"}


def status_of(reason, failures):
    return ONCE_UP.get(reason) or ("down" if failures >= 3 else "degraded")


@pytest.fixture
def watched(simulator, daemon):
    soon = {kind: {"ask": "500ms"} for kind in ("key_invalid", "retired")}
    running = daemon(simulator.generic(*NAMES), interval=f"{INTERVAL_S * 1000:.0f}ms", timeout=f"{TIMEOUT_S * 1000:.0f}ms",
                     quick_interval="250ms", down_interval="800ms", degraded_latency="200ms", jitter_percent=0,
                     error_kinds=soon)
    for name in NAMES:
        running.wait_for_provider(name, lambda entry: entry["status"] == "healthy")
    return running


class Stage:
    """Sets what the providers do, and sees what is shown of them."""

    def __init__(self, simulator, daemon):
        self.simulator, self.daemon = simulator, daemon
        self.told = set()
        self.shown = {name: {} for name in NAMES}  # name -> time of the check -> (status, reason, error kind)

    def play(self, behaviours):
        """All at once. Returns when that was, by the wall clock: checks that began later go by it."""
        for name in self.told & behaviours.keys():
            untell(self.simulator, "answers", name)
        for name, behaviour in behaviours.items():
            if behaviour == "retired":
                tell(self.simulator, "answers", name, status=410, body=RETIREMENT)
        self.told = self.told - behaviours.keys() | {name for name in behaviours if behaviours[name] == "retired"}
        lines = [f"at 0 {name} {'ok' if behaviour == 'retired' else behaviour}" for name, behaviour in behaviours.items()]
        assert request(self.simulator.url, "POST", "/_sim/scenario", body="\n".join(lines)).status < 300
        return time.time()

    def look(self):
        entries = self.daemon.get("/api/providers/status").json["providers"]
        for name in NAMES:
            entry = entries[name]
            self.shown[name][entry["last_check"]] = (entry["status"], entry["reason"], entry["error_kind"])
        return entries

    def follow(self, since, expected):
        """Waits until each has been checked since; each must be by the time told for its next check."""
        entries = self.look()
        bound = {name: max(moment(entries[name]["next_check"]), since + TIMEOUT_S + INTERVAL_S) + TIMEOUT_S + SLACK_S
                 for name in expected}
        left = set(expected)
        while left:
            entries = self.look()
            for name in sorted(left):
                entry = entries[name]
                if began(entry) > since + MARGIN_S:
                    reason, kind = FAULTS[expected[name]]
                    status = status_of(reason, entry["consecutive_failures"])
                    assert (entry["status"], entry["reason"], entry["error_kind"]) == (status, reason, kind), (name, entry)
                    left.remove(name)
                else:
                    assert time.time() < bound[name], (name, expected[name], entry)
            time.sleep(0.02)


def assert_history_tells_the_same(running, shown):
    """Every state that was shown has its row, and the rows follow from one another."""
    for name in NAMES:
        last = max(shown[name])
        rows = wait_for(lambda: (lambda rows: rows if rows and rows[-1]["timestamp"] >= last else None)(
            history(running, name)), f"{name}'s last row")
        recorded = {row["timestamp"]: (row["status"], row["reason"], row["error_kind"]) for row in rows}
        assert {when: recorded.get(when) for when in shown[name]} == shown[name], name
        failures = 0
        for row in rows:
            failures = 0 if row["reason"] in ONCE_UP else failures + 1
            assert row["status"] == status_of(row["reason"], failures), (name, row)


def assert_one_at_a_time(simulator):
    stats = simulator.stats()
    assert {name: stats[name]["max_in_flight"] for name in NAMES} == {name: 1 for name in NAMES}


@pytest.mark.tsan
def test_states_follow_what_providers_do_within_one_interval(simulator, watched):
    stage, walk = Stage(simulator, watched), list(FAULTS)
    for step in range(1, len(walk) + 1):
        behaviours = {name: walk[(i + step) % len(walk)] for i, name in enumerate(NAMES)}
        stage.follow(stage.play(behaviours), behaviours)
    everyone_ok = {name: "ok" for name in NAMES}
    stage.follow(stage.play(everyone_ok), everyone_ok)
    assert_history_tells_the_same(watched, stage.shown)
    assert_one_at_a_time(simulator)
    watched.stop()


def test_after_sixty_random_changes_all_come_back(simulator, watched):
    stage, chance = Stage(simulator, watched), random.Random(20261123)
    behaviours = dict.fromkeys(NAMES, "ok")
    for _ in range(60):
        for name in chance.sample(NAMES, chance.randint(1, 4)):
            behaviours[name] = chance.choice(list(FAULTS))
        stage.play(behaviours)
        asked = sum(entry["requests"] for entry in simulator.stats().values())
        wanted = asked + chance.randint(1, 5)
        wait_for(lambda: stage.look() and sum(e["requests"] for e in simulator.stats().values()) >= wanted, "checks")
    back = stage.play(dict.fromkeys(NAMES, "ok"))
    wait_for(lambda: all(entry["status"] == "healthy" for entry in stage.look().values()), "everyone's health",
             2 * INTERVAL_S + SLACK_S)
    assert all(began(entry) > back - 2 * INTERVAL_S for entry in stage.look().values())
    assert_history_tells_the_same(watched, stage.shown)
    assert_one_at_a_time(simulator)
    watched.stop()
