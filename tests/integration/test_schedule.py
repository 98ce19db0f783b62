"""Who is checked when: on time, spread, never two checks of one provider at once, nobody held up by another."""
import collections
import datetime

from harness import REPO, request, wait_for

HUNDRED = [f"p{n:02}" for n in range(98)]


def span_of(times):
    return (max(times) - min(times)) / 1000


def checks_of(simulator, since=0):
    """Times of arrival by provider, in ms of the simulator's clock, of what came after request number `since`."""
    times = collections.defaultdict(list)
    for entry in request(simulator.url, "GET", f"/_sim/requests?since={since}").json:
        times[entry["provider"]].append(entry["t_ms"])
    return times


def test_of_a_hundred_one_hangs_and_one_crashes_and_the_others_stay_on_schedule(simulator, daemon, providers):
    (providers / "generic.lua").symlink_to(REPO / "providers/generic.lua")
    (providers / "crash.lua").write_text("""
        local runs = 0
        return { name = "crash", base_url = "http://127.0.0.1:9", probe = function()
          runs = runs + 1
          if runs % 2 == 1 then error "no luck" end
          while true do pcall(function() while true do end end) end
        end }""")
    simulator.behave("hangs", "hang")
    running = daemon(simulator.generic(*HUNDRED, "hangs"), provider_paths=[str(providers)], quiet=False, interval="1s",
                     timeout="3s", jitter_percent=0)
    assert running.get("/api/providers/health").json["providers_monitored"] == 100
    running.wait_for_provider("hangs", lambda entry: entry["consecutive_failures"] >= 2)
    wait_for(lambda: simulator.stats()["p00"]["requests"] >= 8, "eight checks")
    stats = simulator.stats()
    times = checks_of(simulator)
    for name in HUNDRED:
        seen = times[name]
        assert stats[name]["max_in_flight"] == 1, name
        # The first comes at once, the second half an interval to one and a half later, then one each second.
        gaps = [later - sooner for sooner, later in zip(seen[1:], seen[2:])]
        assert len(seen) >= 7 and all(800 <= gap <= 1200 for gap in gaps), (name, seen)
    assert stats["hangs"]["max_in_flight"] == 1 and len(times["hangs"]) <= len(times["p00"]) / 2
    entries = running.get("/api/providers/status").json["providers"]
    assert all(entries[name]["status"] == "healthy" and entries[name]["uptime_percent"] == 100.0 for name in HUNDRED)
    assert (entries["hangs"]["reason"], entries["crash"]["reason"]) == ("timeout", "script_error")
    assert entries["crash"]["consecutive_failures"] >= 5


def test_starts_are_spread_over_the_interval(simulator, daemon):
    running = daemon(simulator.generic(*HUNDRED), interval="2s", jitter_percent=0)
    wait_for(lambda: all(simulator.stats().get(name, {}).get("requests", 0) >= 3 for name in HUNDRED), "three checks each")
    thirds = sorted(times[2] for times in checks_of(simulator).values())
    assert span_of(thirds) > 1.5  # not in step
    most = max(sum(start <= t < start + 200 for t in thirds) for start in thirds)
    assert most <= 30  # ten are to be expected in a tenth of the interval
    assert running.get("/api/providers/health").json["status"] == "healthy"


def test_an_interval_below_a_second_is_kept(simulator, daemon):
    daemon(simulator.generic("acme"), interval="200ms", jitter_percent=0)
    wait_for(lambda: len(simulator.requests("acme")) >= 22, "checks")
    times = [entry["t_ms"] for entry in simulator.requests("acme")][1:]
    rate = (len(times) - 1) / span_of(times)
    assert 4.5 <= rate <= 5.5


def test_a_slow_provider_is_never_checked_twice_at_once_nor_caught_up_in_a_burst(simulator, daemon):
    simulator.behave("acme", "slow 500ms")
    running = daemon(simulator.generic("acme"), interval="200ms", jitter_percent=0)
    for _ in range(20):
        running.post("/api/providers/check/acme")
    running.wait_for_provider("acme", lambda entry: True)
    wait_for(lambda: len(simulator.requests("acme")) >= 4)
    assert simulator.stats()["acme"]["max_in_flight"] == 1
    mark = simulator.requests("acme")[-1]["n"]
    simulator.behave("acme", "ok")
    wait_for(lambda: len(checks_of(simulator, mark)["acme"]) >= 6)
    assert span_of(checks_of(simulator, mark)["acme"][:6]) > 0.7  # five intervals, less the first's phase


def test_the_next_check_is_told_and_kept(simulator, daemon):
    running = daemon(simulator.generic("acme"), interval="2s", jitter_percent=0)
    running.wait_for_provider("acme", lambda entry: True)
    entry = running.check("acme")
    told = datetime.datetime.fromisoformat(entry["next_check"])
    later = running.wait_for_provider("acme", lambda e: e["last_check"] != entry["last_check"])
    assert abs((datetime.datetime.fromisoformat(later["last_check"]) - told).total_seconds()) < 0.5


def test_a_check_on_demand_does_not_move_the_grid_nearer_than_the_interval(simulator, daemon):
    running = daemon(simulator.generic("acme"), interval="30d")
    running.wait_for_provider("acme", lambda entry: True)
    for wanted in (2, 3, 4):
        running.check("acme")
        assert len(simulator.requests("acme")) == wanted


def test_jitter_makes_a_check_late_by_at_most_its_share(simulator, daemon):
    daemon(simulator.generic("acme"), interval="400ms", jitter_percent=50)
    wait_for(lambda: len(simulator.requests("acme")) >= 15, "checks")
    times = [entry["t_ms"] for entry in simulator.requests("acme")][1:]
    gaps = [later - sooner for sooner, later in zip(times, times[1:])]
    assert min(gaps) >= 150 and max(gaps) <= 700 and max(gaps) - min(gaps) > 20


def test_no_more_probes_are_on_the_wire_than_allowed(simulator, daemon):
    names = [f"q{n}" for n in range(12)]
    for name in names:
        simulator.behave(name, "slow 150ms")
    running = daemon(simulator.generic(*names), max_probes_in_flight=3)
    for name in names:
        assert running.wait_for_provider(name, lambda entry: True)["status"] == "healthy"
    times = sorted(entry[0] for entry in checks_of(simulator).values())
    assert len(times) == 12 and span_of(times) >= 0.4  # four groups of three
    assert all(later - sooner >= 100 for sooner, later in zip(times, times[3:]))
