"""Alerts: what each service is sent, when, and what becomes of it when it cannot be sent; and plugins."""
import base64
import datetime
import json
import time

import pytest

from harness import REPO, lua, wait_for
from made import failing, good, script
from receiver import MailServer, Receiver

BAD = {1: {"ms": 1.0, "kind": "server_error"}}
RECOVERS = {1: {"ms": 1.0, "kind": "server_error"}, 2: {"ms": 1.0}}


@pytest.fixture
def receiver():
    server = Receiver()
    yield server
    server.close()


@pytest.fixture
def alerted(made, receiver):
    """A daemon with one alert by webhook, and these settings of it."""
    def start(specs, environment=None, alerts=None, **alert):
        settings = {"use": "webhook", "group": "0s", **alert}
        return made(specs, {"ALERT_WEBHOOK_URL": receiver.url + "/hook", **(environment or {})},
                    alerts=alerts or {"ops": settings}, max_consecutive_failures=1)
    return start


def alert(running, name="ops"):
    return next(entry for entry in running.get("/api/alerts").json["alerts"] if entry["name"] == name)


def settled(running, name="ops"):
    """The alert has nothing to tell, and all that happened is dealt with."""
    wait_for(lambda: alert(running, name)["waiting"] == 0, "the alert to be settled")


# -- what is sent --

def test_an_outage_and_its_end_are_told(alerted, receiver):
    running = alerted({"a": RECOVERS, "b": good(1.0)})
    method, path, headers, message = receiver.take()
    assert (method, path, headers["content-type"]) == ("POST", "/hook", "application/json")
    assert (message["alert"], message["severity"], message["count"]) == ("ops", "critical", 1)
    assert message["title"] == message["text"] == "a: outage: no"
    opened = message["items"][0]
    assert (opened["state"], opened["kind"], opened["provider"]) == ("open", "incident_opened", "a")
    running.check("a")
    message = receiver.body()
    closed = message["items"][0]
    assert (message["severity"], closed["state"], closed["kind"]) == ("ok", "resolved", "incident_closed")
    assert closed["matter"] == opened["matter"]
    assert closed["since"] == opened["time"]


def test_what_comes_together_is_one_message(alerted, receiver):
    running = alerted({"a": BAD, "b": BAD, "c": BAD}, group="1s")
    message = receiver.body()
    assert (message["title"], message["count"], len(message["items"])) == ("3 events", 3, 3)
    assert sorted(message["text"].splitlines()) == ["a: outage: no", "b: outage: no", "c: outage: no"]
    settled(running)
    assert alert(running)["messages"] == 1


def test_only_what_it_asks_for_is_sent(alerted, receiver):
    alerted({"a": BAD, "b": BAD}, alerts={
        "of_b": {"use": "webhook", "group": "0s", "providers": ["b"]},
        "states": {"use": "webhook", "group": "1s", "providers": ["a"], "kinds": ["status_change", "best_change"]}})
    messages = {message["alert"]: message for message in (receiver.body(), receiver.body())}
    assert [item["provider"] for item in messages["of_b"]["items"]] == ["b"]
    assert [(item["kind"], item["to"]) for item in messages["states"]["items"]] == [("status_change", "down")]
    assert receiver.silent(1.5)


def test_a_problem_that_passes_soon_is_not_told(alerted, receiver):
    running = alerted({"a": RECOVERS, "b": BAD}, after="3s")
    running.check("a")
    message = receiver.body()
    assert [item["provider"] for item in message["items"]] == ["b"]
    settled(running)
    assert receiver.silent(0.5)


def test_so_many_failures_are_waited_for(alerted, receiver):
    running = alerted({"a": BAD}, after_failures=3)
    running.check("a")
    assert receiver.silent(2)
    running.check("a")
    assert receiver.body()["items"][0]["provider"] == "a"


def test_what_lasts_is_told_again(alerted, receiver):
    alerted({"a": BAD}, remind="1s")
    opened = receiver.body()["items"][0]
    reminder = receiver.body()["items"][0]
    assert (reminder["state"], reminder["matter"]) == ("reminder", opened["matter"])
    assert reminder["text"] == "still: a: outage: no"


def test_the_end_is_not_told_where_it_is_not_wanted(alerted, receiver):
    running = alerted({"a": RECOVERS}, resolved=False)
    receiver.body()
    running.check("a")
    settled(running)
    assert receiver.silent(1.5)


def hours_around_now():
    now = datetime.datetime.now(datetime.timezone.utc)
    return f"{(now - datetime.timedelta(hours=1)):%H:%M}-{(now + datetime.timedelta(hours=2)):%H:%M}"


def test_quiet_hours_hold_messages_back(alerted, receiver):
    running = alerted({"a": BAD}, {"TZ": "UTC"}, quiet=hours_around_now())
    wait_for(lambda: alert(running)["waiting"] == 1, "an item that waits")
    assert receiver.silent(1.5)


def test_nothing_is_told_while_work_is_announced(made, receiver):
    running = made({"a": BAD, "b": BAD}, {"ALERT_WEBHOOK_URL": receiver.url, "TZ": "UTC"}, max_consecutive_failures=1,
                   alerts={"ops": {"use": "webhook", "group": "0s"}},
                   maintenance=[{"providers": ["a"], "hours": hours_around_now()}])
    assert [item["provider"] for item in receiver.body()["items"]] == ["b"]
    settled(running)
    assert alert(running)["problems"] == 2
    assert receiver.silent(1.5)


# -- when it cannot be sent --

def test_it_is_tried_again_as_the_service_asks(alerted, receiver):
    receiver.answer(503, {"Retry-After": "1"}, "busy")
    running = alerted({"a": BAD})
    first = receiver.body()
    wait_for(lambda: alert(running)["error"] == "HTTP 503: busy", "the failure")
    assert alert(running)["retry_at"] is not None
    assert receiver.body()["items"] == first["items"]
    wait_for(lambda: alert(running)["error"] is None and alert(running)["messages"] == 1, "the success")


def test_what_is_refused_for_good_is_not_tried_again(alerted, receiver):
    receiver.answer(404, {}, "no_service")
    running = alerted({"a": BAD})
    receiver.body()
    running.wait_for_line(r"alerts: ops: 1 events are not told: HTTP 404: no_service")
    assert receiver.silent(1.5)
    assert alert(running)["given_up"] == 1


def test_a_message_that_could_not_be_sent_outlasts_a_restart(alerted, receiver, daemon):
    receiver.answer(503, {"Retry-After": "600"}, "busy")
    running = alerted({"a": BAD})
    before = receiver.body()
    wait_for(lambda: alert(running)["error"], "the failure")
    running.stop()
    daemon({"ALERT_WEBHOOK_URL": receiver.url + "/hook"}, config=running.process.args[2])
    after = receiver.body()
    assert [item["id"] for item in after["items"]] == [item["id"] for item in before["items"]]


def test_what_was_told_is_not_told_again_after_a_restart_but_its_end_is(alerted, receiver, daemon, providers):
    running = alerted({"a": BAD})
    opened = receiver.body()["items"][0]
    settled(running)
    running.stop()
    (providers / "made.lua").write_text(script({"a": good(1.0)}))
    again = daemon({"ALERT_WEBHOOK_URL": receiver.url + "/hook"}, config=running.process.args[2])
    again.wait_for_provider("a", lambda entry: entry["status"] == "healthy")
    closed = receiver.body()["items"][0]
    assert (closed["state"], closed["matter"]) == ("resolved", opened["matter"])


def test_a_kill_loses_no_alert(alerted, receiver, daemon):
    receiver.answer(503, {"Retry-After": "600"}, "busy")
    running = alerted({"a": BAD})
    before = receiver.body()
    wait_for(lambda: [event for event in running.get("/api/providers/incidents").json["incidents"]], "the write")
    time.sleep(0.2)  # several commits
    running.process.kill()
    running.process.wait()
    running.ended = True
    daemon({"ALERT_WEBHOOK_URL": receiver.url + "/hook"}, config=running.process.args[2])
    assert receiver.body()["items"][0]["id"] == before["items"][0]["id"]


def test_a_reload_keeps_what_was_told(alerted, receiver):
    running = alerted({"a": RECOVERS})
    opened = receiver.body()["items"][0]
    settled(running)
    assert running.reload()  # the script begins anew: it fails once more
    running.check("a")
    running.check("a")
    assert receiver.body()["items"][0]["matter"] == opened["matter"]


# -- configuration --

def test_an_alert_without_its_variable_waits_for_it(made):
    running = made({"a": good(1.0)}, alerts={"ops": {"use": "slack"}})
    assert alert(running)["missing"] == "set SLACK_WEBHOOK_URL"
    assert "alerts: ops: not active: set SLACK_WEBHOOK_URL" in running.log


@pytest.mark.parametrize("settings, part", [
    ({"alerts": {"ops": {"use": "pigeon"}}}, "alerts.ops: there is no alerts/pigeon.lua in plugin_paths"),
    ({"alerts": {"ops": {"use": "slack", "kinds": ["outage"]}}}, "alerts.ops: kinds: 'outage' is no kind of event"),
    ({"alerts": {"ops": {"use": "slack", "settings": {"ulr": 1}}}}, "there is no setting 'ulr'; there are: url_env"),
    ({"alerts": {"ops": {"use": "slack", "settings": {"url_env": 1}}}}, "setting url_env: expected a string, got a number"),
    ({"alerts": {"ops": {"usee": "slack"}}}, "alerts.ops: unknown key 'usee'; did you mean 'use'?"),
    ({"alerts": {"ops": {"after": "soon"}}}, "alerts.ops.after: expected a duration from 0s to 30d"),
    ({"alerts": {"ops": {"quiet": "sometimes"}}}, "alerts.ops.quiet: "),
    ({"alerts": [1]}, "alerts: expected name = value; got a value without a name"),
    ({"plugins": {"nothing": {}}}, "plugins.nothing: there is no nothing.lua in plugin_paths"),
    ({"maintenance": [{"providers": ["a"]}]}, "maintenance[1]: expected hours, or from and to: when is it?"),
    ({"maintenance": [{"from": "now"}]}, "maintenance[1]: from and to: expected times"),
])
def test_mistakes_are_told_and_change_nothing(made, write_config, settings, part, tmp_path):
    running = made({"a": good(1.0)})
    config = tmp_path / "providerd.lua"
    before = config.read_text()
    extra = lua(settings).strip()[1:-1]
    config.write_text(before.replace("return {", "return {" + extra + ",", 1))
    assert not running.reload()
    assert part in running.get("/api/providers/health").json["last_reload_error"], running.log


def test_a_test_is_sent_on_demand(alerted, receiver):
    running = alerted({"a": good(1.0)})
    assert running.post("/api/alerts/ops/test").status == 202
    message = receiver.body()
    assert message["items"][0]["message"] == "this is a test of the alert"
    assert running.post("/api/alerts/nobody/test").status == 404, running.log


# -- the services --

def made_with(made, use, environment, settings=None, specs=None):
    alerts = {"ops": {"use": use, "group": "0s", **({"settings": settings} if settings else {})}}
    return made(specs or {"groq": {1: {"ms": 1.0, "kind": "server_error"}, 2: {"ms": 1.0}}}, environment, alerts=alerts,
                max_consecutive_failures=1)


def test_slack(made, receiver):
    made_with(made, "slack", {"SLACK_WEBHOOK_URL": receiver.url + "/services/T0/B0/secretpart"})
    method, path, _, body = receiver.take()
    assert (method, path) == ("POST", "/services/T0/B0/secretpart")
    assert body == {"text": "groq: outage: no", "blocks": [
        {"type": "section", "text": {"type": "mrkdwn", "text": "🔴 groq: outage: no"}}]}


def test_discord(made, receiver):
    receiver.answer(429, {}, json.dumps({"message": "You are being rate limited.", "retry_after": 0.3, "global": False}))
    receiver.answer(204)
    running = made_with(made, "discord", {"DISCORD_WEBHOOK_URL": receiver.url + "/api/webhooks/1/x"})
    receiver.take()
    body = receiver.body()
    assert body == {"username": "providerd", "embeds": [
        {"title": "groq: outage: no", "description": "🔴 groq: outage: no", "color": 0xD32F2F}]}
    wait_for(lambda: alert(running)["messages"] == 1)


def test_telegram(made, receiver):
    made_with(made, "telegram", {"TELEGRAM_BOT_TOKEN": "123456:ABC-DEF"},
              {"chat_id": "-1001", "api": receiver.url})
    method, path, _, body = receiver.take()
    assert (method, path) == ("POST", "/bot123456:ABC-DEF/sendMessage")
    assert body == {"chat_id": "-1001", "text": "🔴 groq: outage: no", "link_preview_options": {"is_disabled": True}}


def test_ntfy(made, receiver):
    made_with(made, "ntfy", {"NTFY_TOKEN": "tk_0123456789"}, {"server": receiver.url, "topic": "ops"})
    _, _, headers, body = receiver.take()
    assert headers["authorization"] == "Bearer tk_0123456789"
    assert body == {"topic": "ops", "title": "groq: outage: no", "message": "groq: outage: no", "priority": 5,
                    "tags": ["rotating_light"]}


def test_pagerduty(made, receiver):
    receiver.answer(202, {}, json.dumps({"status": "success", "message": "Event processed", "dedup_key": "x"}))
    running = made_with(made, "pagerduty", {"PAGERDUTY_ROUTING_KEY": "r0123456789abcdef"},
                        {"url": receiver.url + "/v2/enqueue"})
    _, path, _, body = receiver.take()
    assert (path, body["routing_key"], body["event_action"]) == ("/v2/enqueue", "r0123456789abcdef", "trigger")
    payload = body["payload"]
    assert (payload["summary"], payload["severity"], payload["source"], payload["component"], payload["class"]) == (
        "groq: outage: no", "critical", "providerd", "groq", "incident_opened")
    assert abs(datetime.datetime.fromisoformat(payload["timestamp"].replace("Z", "+00:00")).timestamp() - time.time()) < 60
    running.check("groq")
    resolved = receiver.body()
    assert resolved == {"routing_key": "r0123456789abcdef", "event_action": "resolve", "dedup_key": body["dedup_key"]}


def test_opsgenie(made, receiver):
    running = made_with(made, "opsgenie", {"OPSGENIE_API_KEY": "g0123456789"}, {"api": receiver.url})
    _, path, headers, body = receiver.take()
    assert (path, headers["authorization"]) == ("/v2/alerts", "GenieKey g0123456789")
    assert (body["message"], body["priority"], body["entity"], body["tags"]) == (
        "groq: outage: no", "P1", "groq", ["providerd", "incident_opened"])
    running.check("groq")
    _, path, _, closing = receiver.take()
    alias = body["alias"].replace("/", "%2F")
    assert path == f"/v2/alerts/{alias}/close?identifierType=alias"
    assert closing["source"] == "providerd"


def test_teams(made, receiver):
    made_with(made, "teams", {"TEAMS_WEBHOOK_URL": receiver.url + "/workflows/x?sig=y"})
    _, path, _, body = receiver.take()
    assert path == "/workflows/x?sig=y"
    attachment = body["attachments"][0]
    assert (body["type"], attachment["contentType"], attachment["contentUrl"]) == (
        "message", "application/vnd.microsoft.card.adaptive", None)
    card = attachment["content"]
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.2")
    assert [block["text"] for block in card["body"]] == ["groq: outage: no", "🔴 groq: outage: no"]


def test_matrix(made, receiver):
    receiver.answer(200, {"Content-Type": "application/json"}, json.dumps({"event_id": "$x"}))
    made_with(made, "matrix", {"MATRIX_ACCESS_TOKEN": "syt_0123456789"},
              {"homeserver": receiver.url, "room": "!ops:example.org"})
    method, path, headers, body = receiver.take()
    assert method == "PUT"
    assert path.startswith("/_matrix/client/v3/rooms/%21ops%3Aexample.org/send/m.room.message/providerd-ops-")
    assert headers["authorization"] == "Bearer syt_0123456789"
    assert body == {"msgtype": "m.text", "body": "🔴 groq: outage: no"}


def test_webhook_by_a_template(made, receiver):
    made_with(made, "webhook", {"ALERT_WEBHOOK_URL": receiver.url, "ALERT_WEBHOOK_TOKEN": "t0123456789"},
              {"method": "PUT", "template": '{"what": "{title}", "n": {count}, "how": "{severity}", "{unknown}": {items}}'})
    method, _, headers, body = receiver.take()
    assert (method, headers["authorization"]) == ("PUT", "Bearer t0123456789")
    assert (body["what"], body["n"], body["how"]) == ("groq: outage: no", 1, "critical")
    assert body["{unknown}"][0]["provider"] == "groq"


@pytest.fixture
def mail_server():
    server = MailServer()
    yield server
    server.close()


def test_email(made, mail_server):
    made_with(made, "email", {"SMTP_PASSWORD": "p0123456789"},
              {"url": mail_server.url, "from": "providerd@example.com", "to": ["ops@example.com", "boss@example.com"],
               "user": "me", "plain": True})
    sender, recipients, login, mail = mail_server.take()
    assert sender.startswith("<providerd@example.com>")
    assert recipients == ["<ops@example.com>", "<boss@example.com>"]
    assert base64.b64decode(login) == b"\0me\0p0123456789"
    assert mail["Subject"] == "[providerd] groq: outage: no"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content().strip() == "🔴 groq: outage: no"
    assert mail["Date"].datetime.timestamp() == pytest.approx(time.time(), abs=60)


def test_a_mail_in_any_script(providers, daemon, mail_server):
    words = "Störung: " + "é€𝄞 " * 40 + "= Ende."
    (providers / "acme.lua").write_text(f"""return {{ name = "acme", base_url = "http://acme.test:9", probe = function()
        return {{ ok = false, kind = "server_error", message = {json.dumps(words, ensure_ascii=False)}, latency_ms = 1 }}
      end }}""")
    daemon(provider_paths=[str(providers)], interval="30d", max_consecutive_failures=1, alerts={"ops": {
        "use": "email", "group": "0s", "settings": {"url": mail_server.url, "from": "a@b.c", "to": ["d@e.f"], "plain": True}}})
    _, _, login, mail = mail_server.take()
    assert login is None
    assert mail.get_content().strip() == "🔴 acme: outage: " + words
    assert mail["Subject"].startswith("[providerd] acme: outage: Störung: é€𝄞")
    assert all(len(line) <= 78 for line in mail.as_bytes().split(b"\n"))


def test_a_recipient_that_does_not_exist_is_final(made, mail_server):
    mail_server.refuse = "550 5.1.1 no such user"
    running = made_with(made, "email", {}, {"url": mail_server.url, "from": "a@b.c", "to": ["d@e.f"], "plain": True})
    running.wait_for_line(r"alerts: ops: 1 events are not told: .*550")


def test_no_password_goes_out_without_tls(made, mail_server):
    running = made_with(made, "email", {"SMTP_PASSWORD": "p0123456789"},
                        {"url": mail_server.url, "from": "a@b.c", "to": ["d@e.f"], "user": "me"})
    running.wait_for_line(r"alerts: ops: cannot be sent, is tried again")
    assert mail_server.mails.empty()


def test_no_secret_shows_anywhere(made, receiver):
    receiver.answer(500, {}, f"cannot post to {receiver.url}/services/T0/B0/secretpart")
    running = made_with(made, "slack", {"SLACK_WEBHOOK_URL": receiver.url + "/services/T0/B0/secretpart"})
    receiver.take()
    wait_for(lambda: alert(running)["error"], "the failure")
    assert "secretpart" not in running.log + running.get("/api/alerts").body.decode()


# -- plugins --

def write_plugin(folder, name, text):
    (folder / f"{name}.lua").write_text(text)
    return [str(REPO / "plugins"), str(folder)]


def test_a_plugin_is_told_of_everything(made, receiver, tmp_path):
    folder = tmp_path / "plugins"
    folder.mkdir()
    paths = write_plugin(folder, "watcher", """
        local function tell(what, value, settings)
          http.post(settings.url .. "/" .. what, { json = value, keep = "always" })
        end
        return {
          settings = { url = "" },
          on_event = function(event, settings) tell("event", event, settings) end,
          on_status_change = function(event, settings) tell("status_change", event, settings) end,
          on_check = function(check, settings) tell("check", check, settings) end,
          on_reload = function(_, settings) tell("reload", {}, settings) end,
        }""")
    running = made({"a": BAD}, plugin_paths=paths, plugins={"watcher": {"url": receiver.url}}, max_consecutive_failures=1)
    told = {}
    while {"event", "status_change", "check"} - set(told):
        _, path, _, body = receiver.take()
        told.setdefault(path[1:], []).append(body)
    assert told["event"][0]["kind"] == "started"
    assert (told["status_change"][0]["provider"], told["status_change"][0]["to"]) == ("a", "down")
    assert (told["check"][0]["provider"], told["check"][0]["error_kind"], told["check"][0]["ok"]) == (
        "a", "server_error", False)
    assert running.reload()
    while receiver.take()[1] != "/reload":
        pass


def test_plugins_that_fail_or_loop_harm_nobody(made, tmp_path):
    folder = tmp_path / "plugins"
    folder.mkdir()
    write_plugin(folder, "looping", "return { on_event = function() while true do end end }")
    write_plugin(folder, "raising", "return { on_check = function() error 'not today' end }")
    paths = write_plugin(folder, "ticking", """
        local n = 0
        return { on_tick = function() n = n + 1 if n == 2 then log.info("ticked twice") end end }""")
    running = made({"a": good(1.0)}, plugin_paths=paths, plugins={"looping": {}, "raising": {}, "ticking": {}})
    running.wait_for_line(r"plugins: looping: .*instruction budget")
    running.wait_for_line(r"plugins: raising: .*not today")
    running.wait_for_line(r"ticking.lua: ticked twice")
    running.check("a")
    wait_for(lambda: any(entry["name"] == "raising" and entry["failures"] >= 2
                         for entry in running.get("/api/alerts").json["plugins"]), "the second failure")
    assert running.log.count("not today") == 1


def test_plugins_without_functions_are_refused(made, tmp_path):
    folder = tmp_path / "plugins"
    folder.mkdir()
    paths = write_plugin(folder, "empty", "return {}")
    running = made({"a": failing()}, plugin_paths=paths)
    config = tmp_path / "providerd.lua"
    config.write_text(config.read_text().replace("return {", "return { plugins = { empty = {} },", 1))
    assert not running.reload()
    assert "plugins.empty: it has none of the functions on_event" in running.log


def test_the_heartbeat_is_heard_and_missed_once(made, receiver):
    receiver.answer(200)
    receiver.answer(500)
    receiver.answer(500)
    url = f"{receiver.url}/ping/0123456789-secret"
    running = made({"a": good(1.0)}, {"HEARTBEAT_URL": url}, plugins={"heartbeat": {"every": "100ms"}})
    for _ in range(5):
        method, path, _, _ = receiver.take()
        assert (method, path) == ("GET", "/ping/0123456789-secret")
    running.wait_for_line("heartbeat: it is heard again")
    assert running.log.count("it is not heard: HTTP 500") == 1
    assert "0123456789-secret" not in running.log


def test_without_its_url_the_heartbeat_says_what_to_set(made):
    running = made({"a": good(1.0)}, plugins={"heartbeat": {}})
    entry, = running.get("/api/alerts").json["plugins"]
    assert "HEARTBEAT_URL" in json.dumps(entry)
