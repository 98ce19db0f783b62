"""Rate limits as they are kept and shown: told by answers, counted where a provider tells nothing, and never believed for
longer than they hold."""
import datetime

import pytest

from harness import REPO, wait_for


@pytest.fixture
def run(simulator, providers, daemon):
    """A daemon that watches acme, a generic provider, and asks it only when told to."""
    def start(**settings):
        (providers / "generic.lua").symlink_to(REPO / "providers/generic.lua")  # nothing else, which starts sooner
        return daemon(simulator.generic("acme"), provider_paths=[str(providers)], interval="30d", quick_interval="30d", **settings)
    return start


def requests_a_minute(limit, remaining, reset=None):
    headers = {"x-ratelimit-limit-requests": str(limit), "x-ratelimit-remaining-requests": str(remaining)}
    return {**headers, "x-ratelimit-reset-requests": reset} if reset else headers


def tokens_a_minute(limit, remaining):
    return {"x-ratelimit-limit-tokens": str(limit), "x-ratelimit-remaining-tokens": str(remaining)}


def tell(simulator, headers=None, status=200, **conditions):
    simulator.answer("acme", status, headers, {"data": [{"id": "m"}]} if status == 200 else {}, **conditions)


def first(running):
    return running.wait_for_provider("acme", lambda entry: True)


def moment(text):
    return datetime.datetime.fromisoformat(text)


def after(later, sooner):
    return (moment(later) - moment(sooner)).total_seconds()


# -- as told --

@pytest.mark.tsan
def test_windows_are_shown_as_they_were_told(simulator, run):
    tell(simulator, {**requests_a_minute(60, 45, "30s"), **tokens_a_minute(8000, 6000)})
    entry = first(run())
    requests, tokens = entry["rate_limit"]
    reset_at = requests.pop("reset_at")
    assert after(reset_at, entry["last_check"]) == pytest.approx(30, abs=1)
    assert requests == {"unit": "requests", "window_s": 60, "limit": 60, "remaining": 45, "used_percent": 25,
                        "exhausted_at": None, "source": "told"}
    assert tokens == {"unit": "tokens", "window_s": 60, "limit": 8000, "remaining": 6000, "reset_at": None,
                      "used_percent": 25, "exhausted_at": None, "source": "told"}


def test_a_provider_without_limits_has_none(simulator, run):
    tell(simulator)
    entry = first(run())
    assert (entry["rate_limit"], entry["rate_limit_percent"], entry["retry_at"]) == ([], 0, None)


def test_the_percentage_is_that_of_the_tightest(simulator, run):
    tell(simulator, {**requests_a_minute(100, 90), **tokens_a_minute(1000, 130), "ratelimit": '"day";r=500;t=99',
                     "ratelimit-policy": '"day";q=1000;w=86400'})
    entry = first(run())
    assert [window["used_percent"] for window in entry["rate_limit"]] == [10, 87, 50]
    assert entry["rate_limit_percent"] == 87


def test_a_window_that_is_not_mentioned_stays_known(simulator, run):
    tell(simulator, {**requests_a_minute(100, 90), **tokens_a_minute(1000, 130)})
    running = run()
    first(running)
    tell(simulator, requests_a_minute(100, 80))
    entry = running.check("acme")
    assert {window["unit"]: window["remaining"] for window in entry["rate_limit"]} == {"requests": 80, "tokens": 130}


def test_an_answer_that_names_only_what_remains_keeps_the_limit(simulator, run):
    tell(simulator, tokens_a_minute(1000, 500))
    running = run()
    first(running)
    tell(simulator, {"x-ratelimit-remaining-tokens": "250"})
    window, = running.check("acme")["rate_limit"]
    assert (window["limit"], window["remaining"], window["used_percent"]) == (1000, 250, 75)


@pytest.mark.parametrize("limit, remaining, shown", [
    (0, 0, (0, 0, None)),  # "never" at one provider, "no limit" at another: no share of it is used
    (10000000000, 9999998973, (10000000000, 9999998973, 0.0)),
    (900719925474099, 450359962737049, (900719925474099, 450359962737049, 50.0)),
    (1000000, 2999976, (1000000, 2999976, 0)),  # more left than there is: unused
    (100, 0, (100, 0, 100)),
    ("1e3", 7, (None, 7, None)),
    (2 ** 60, 7, (None, 7, None)),  # no limit is that large
])
def test_odd_and_large_numbers(simulator, run, limit, remaining, shown):
    tell(simulator, requests_a_minute(limit, remaining))
    entry = first(run())
    window, = entry["rate_limit"]
    assert (window["limit"], window["remaining"], window["used_percent"]) == shown
    assert type(window["remaining"]) is int and entry["rate_limit_percent"] == pytest.approx(shown[2] or 0, abs=0.001)
    assert entry["status"] == "healthy"  # what remains is the provider's word, not a verdict


@pytest.mark.tsan
def test_a_value_that_is_not_understood_is_told_once_by_the_name_of_its_header(simulator, run):
    nonsense = {"x-ratelimit-limit-requests": "lots", "x-ratelimit-remaining-requests": "-1",
                "x-ratelimit-reset-requests": "soon", **tokens_a_minute(1000, 400)}
    tell(simulator, nonsense)
    running = run()
    entry = first(running)
    for _ in range(2):
        entry = running.check("acme")
    assert [window["unit"] for window in entry["rate_limit"]] == ["tokens"] and entry["status"] == "healthy"
    for name, value in list(nonsense.items())[:3]:
        lines = [line for line in running.log.splitlines() if name in line]
        assert len(lines) == 1 and "acme" in lines[0] and f"'{value}'" in lines[0], lines


def test_what_is_meant_to_say_nothing_is_not_complained_about(simulator, run):
    tell(simulator, {"x-ratelimit-limit-requests": "None", "x-ratelimit-remaining-requests": "unlimited"})
    running = run()
    assert first(running)["rate_limit"] == [] and "ratelimit" not in running.log


# -- at the present rate --

def test_when_it_runs_out_is_estimated_from_what_is_left(simulator, run):
    tell(simulator, requests_a_minute(1000, 900, "1h"))
    running = run()
    begin = first(running)
    assert begin["rate_limit"][0]["exhausted_at"] is None  # one sight tells no rate
    tell(simulator, requests_a_minute(1000, 600, "1h"))
    entry = wait_for(lambda: seen_over_a_second(running, begin), "an estimate")
    # In so many seconds 300 went; the 600 that are left last twice as long.
    span = after(entry["last_check"], begin["last_check"])
    estimate = after(entry["rate_limit"][0]["exhausted_at"], entry["last_check"])
    assert estimate == pytest.approx(2 * span, rel=0.05)


def seen_over_a_second(running, begin):
    entry = running.check("acme")
    return entry if after(entry["last_check"], begin["last_check"]) > 1.05 else None


def test_what_outlasts_its_reset_has_no_end(simulator, run):
    tell(simulator, requests_a_minute(1000, 900, "20s"))
    running = run()
    begin = first(running)
    tell(simulator, requests_a_minute(1000, 899, "19s"))
    entry = wait_for(lambda: seen_over_a_second(running, begin), "an estimate")
    assert entry["rate_limit"][0]["exhausted_at"] is None


def test_what_is_used_up_is_exhausted_now(simulator, run):
    tell(simulator, requests_a_minute(60, 0, "30s"), 429)
    entry = first(run())
    assert abs(after(entry["rate_limit"][0]["exhausted_at"], entry["last_check"])) < 1
    assert (entry["rate_limit_percent"], entry["reason"]) == (100, "rate_limited")


# -- evidence, and how long it holds --

def test_past_its_reset_it_is_not_known_what_remains(simulator, run):
    tell(simulator, {**requests_a_minute(60, 5, "1s"), **tokens_a_minute(1000, 900)}, times=1)
    running = run()
    entry = first(running)
    assert entry["rate_limit"][0]["remaining"] == 5 and entry["rate_limit_percent"] == pytest.approx(91.7, abs=0.1)
    tell(simulator)

    def aged():
        entry = running.check("acme")
        return entry if entry["rate_limit"][0]["remaining"] is None else None
    later = wait_for(aged, "the end of the window")
    assert after(later["last_check"], entry["rate_limit"][0]["reset_at"]) >= 0
    requests, tokens = later["rate_limit"]
    assert (requests["limit"], requests["reset_at"], requests["used_percent"]) == (60, None, None)
    assert tokens["remaining"] == 900 and later["rate_limit_percent"] == pytest.approx(10)  # that one still holds


def test_a_success_overrules_what_was_told_as_spent(simulator, run):
    tell(simulator, {**requests_a_minute(60, 0, "10m"), "retry-after": "600"}, 429)
    running = run()
    entry = first(running)
    assert after(entry["retry_at"], entry["last_check"]) == pytest.approx(600, abs=2)
    assert entry["rate_limit_percent"] == 100
    tell(simulator)
    entry = running.check("acme")
    window, = entry["rate_limit"]
    assert (entry["status"], entry["retry_at"], entry["rate_limit_percent"]) == ("healthy", None, 0)
    assert (window["limit"], window["remaining"], window["reset_at"]) == (60, None, None)


def test_another_failure_does_not_keep_an_old_wait(simulator, run):
    tell(simulator, {"retry-after": "600"}, 429)
    running = run()
    assert first(running)["retry_at"]
    tell(simulator, status=500)
    assert running.check("acme")["retry_at"] is None


# -- declared, and counted here --

@pytest.mark.usefixtures("one_utc_day")
@pytest.mark.tsan
def test_declared_limits_are_counted(simulator, run):
    declared = [{"unit": "requests", "window": "1d", "limit": 40}, {"unit": "tokens", "window": "1d", "limit": 1000}]
    tell(simulator, tokens_a_minute(8000, 6000))
    running = run(providers={"acme": {"limits": declared}})
    entry = first(running)
    for _ in range(3):
        entry = running.check("acme")
    counted = {window["unit"]: window for window in entry["rate_limit"] if window["source"] == "counted"}
    requests = counted["requests"]
    assert (requests["window_s"], requests["limit"], requests["remaining"]) == (86400, 40, 36)
    assert (requests["used_percent"], counted["tokens"]["remaining"]) == (10, 1000)  # a list of models costs no tokens
    midnight = moment(entry["last_check"]).replace(hour=0, minute=0, second=0, microsecond=0) + datetime.timedelta(days=1)
    assert moment(requests["reset_at"]) == midnight
    assert [window["unit"] for window in entry["rate_limit"] if window["source"] == "told"] == ["tokens"]
    assert entry["rate_limit_percent"] == 25


@pytest.mark.usefixtures("one_utc_day")
def test_a_reload_keeps_the_counts_of_what_stays_declared(simulator, run, write_config, providers):
    def limits(most):
        return {"acme": {"limits": [{"unit": "requests", "window": "1d", "limit": 40},
                                    {"unit": "requests", "window": "7d", "limit": most}]}}
    tell(simulator)
    running = run(providers=limits(100))
    first(running)
    running.check("acme")
    write_config(provider_paths=[str(providers)], providers=limits(200), interval="30d", quick_interval="30d")
    assert running.reload()
    entry = running.check("acme")
    assert [(window["limit"], window["remaining"]) for window in entry["rate_limit"]] == [(40, 37), (200, 199)]


def test_a_short_declared_window_begins_anew(simulator, run):
    tell(simulator)
    running = run(providers={"acme": {"limits": [{"unit": "requests", "window": "1s", "limit": 1000}]}})
    first(running)

    def checked():
        return running.check("acme")["rate_limit"][0]
    begin = checked()
    wait_for(lambda: checked()["reset_at"] != begin["reset_at"], "the next window")
    window = checked()
    assert window["remaining"] >= 900 and window["limit"] == 1000  # what went in the windows before does not count


def test_a_script_declares_limits_too_and_the_configuration_overrides_them(providers, daemon, write_config):
    (providers / "acme.lua").write_text("""
        return { name = "acme", base_url = "http://127.0.0.1:9", limits = { { unit = "requests", window = "1h", limit = 7 } },
          probe = function() return { ok = true, latency_ms = 1, limits = { { unit = "usd", remaining = 3.5 } } } end }""")
    running = daemon(provider_paths=[str(providers)], interval="30d")
    window, credit = first(running)["rate_limit"]
    assert (window["window_s"], window["limit"], window["source"]) == (3600, 7, "counted")
    assert (credit["unit"], credit["window_s"], credit["limit"], credit["remaining"]) == ("usd", None, None, 3.5)
    assert credit["source"] == "told"
    write_config(provider_paths=[str(providers)], interval="30d",
                 providers={"acme": {"limits": [{"unit": "requests", "window": "2h", "limit": 9}]}})
    assert running.reload()
    counted = [window for window in running.check("acme")["rate_limit"] if window["source"] == "counted"]
    assert [(window["window_s"], window["limit"]) for window in counted] == [(7200, 9)]
