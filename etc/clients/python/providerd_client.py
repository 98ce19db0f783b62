"""A client of providerd: which LLM provider to call now. One file, standard library only, Python 3.9 or newer.

    from providerd_client import ProviderTracker, get_healthiest_provider

    tracker = ProviderTracker("http://127.0.0.1:8000")
    provider = get_healthiest_provider(tracker)         # "groq", or None when all are down
    answer = tracker.best(model="llama-3.3-70b", n=3)   # answer.best_provider, .alternatives, .reason

    with tracker.call(provider, model=answer.model) as call:  # tells providerd what became of it: real calls are the best probes
        response = post(...)
        call.status, call.headers = response.status, response.headers

`best()` asks the daemon at most once for as long as its answer is valid (`valid_for_ms`): most calls cost a look at a dictionary.
While the daemon cannot be reached, the last answer to the same question is given again, marked `stale`; without one, and only then,
ProviderdUnreachable is raised. Reports are sent by a thread of their own, together once a second: they never wait and never
raise, and while the daemon is away the latest 10,000 are kept for some minutes. AsyncProviderTracker does the same for asyncio, by threads of its loop's executor.

Everything may be called from several threads. Times are seconds unless a name ends in `_ms`.
"""
from __future__ import annotations

import asyncio
import atexit
import collections
import functools
import http.client
import json
import threading
import time
import urllib.parse
from dataclasses import dataclass, field
from typing import Any, AsyncIterator, Callable, Iterator, Optional

__all__ = ["AsyncProviderTracker", "Best", "Call", "ProviderTracker", "ProviderdError", "ProviderdUnreachable",
           "get_healthiest_provider"]

_ANSWERS_KEPT = 256  # of different questions
_REPORTS_KEPT = 10_000
_REPORTS_AT_ONCE = 500
_REPORT_AGE_MAX_S = 540  # the daemon takes none that is older than ten minutes
_REPORT_PAUSE_S = 1.0


class ProviderdError(Exception):
    """The daemon refused a request. `status` is its HTTP status, the text its own words."""

    def __init__(self, status: int, detail: str):
        super().__init__(f"providerd answered {status}: {detail}")
        self.status = status
        self.detail = detail


class ProviderdUnreachable(Exception):
    """There was no answer, and no earlier one to fall back on."""


@dataclass(frozen=True)
class Best:
    """An answer of /api/providers/best."""

    best_provider: Optional[str]  # None: all are down
    reason: str
    alternatives: tuple[str, ...]
    model: Optional[str] = None  # the id to use there, when a model was asked for
    stale: bool = False  # an answer of before, since the daemon cannot be reached; or the check behind it is old
    version: int = 0
    raw: dict[str, Any] = field(default_factory=dict, repr=False)  # the answer as it came: ranking, policy, ...

    def __iter__(self) -> Iterator[str]:
        """The best one, then the alternatives: for trying one after the other."""
        if self.best_provider is not None:
            yield self.best_provider
        yield from self.alternatives


class _Kept:
    __slots__ = ("best", "etag", "fresh_until")

    def __init__(self, best: Best, etag: Optional[str], fresh_until: float):
        self.best = best
        self.etag = etag
        self.fresh_until = fresh_until  # of time.monotonic()


class Call:
    """A call to a provider while it lasts; the end of its `with` reports it.

    Set what is known: `status`, `headers` (those of limits are enough), `tokens`, `outcome` (a kind of GET /api/error-kinds, "ok"
    or "aborted"), `error`; call first_token() when the first piece has come. An exception that passes is a failure: a timeout or
    no connection where it says so, and "aborted" where the call was cancelled.
    """

    def __init__(self, tracker: "ProviderTracker", provider: str, **known: Any):
        self._tracker = tracker
        self._known = {"provider": provider, **known}
        self._began = time.monotonic()
        self._first_token_ms: Optional[float] = None
        self.status: Optional[int] = None
        self.outcome: Optional[str] = None
        self.headers: Any = None
        self.tokens: Optional[int] = None
        self.error: Optional[str] = None

    def first_token(self) -> None:
        """Notes the time of the first piece of a streamed answer; further calls change nothing."""
        if self._first_token_ms is None:
            self._first_token_ms = (time.monotonic() - self._began) * 1000

    def __enter__(self) -> "Call":
        return self

    def __exit__(self, kind: Optional[type], error: Optional[BaseException], _traceback: Any) -> None:
        outcome = self.outcome
        if error is not None and outcome is None:
            outcome = _outcome_of(error)
        self._tracker.report(
            **self._known, status=self.status, outcome=outcome or (None if self.status else "ok"), headers=self.headers,
            tokens=self.tokens, error=self.error or (str(error) if error is not None else None),
            latency_ms=(time.monotonic() - self._began) * 1000, first_token_ms=self._first_token_ms)


def _outcome_of(error: BaseException) -> str:
    if isinstance(error, (asyncio.CancelledError, KeyboardInterrupt, GeneratorExit)):
        return "aborted"
    if isinstance(error, TimeoutError):
        return "timeout"
    return "connect" if isinstance(error, ConnectionError) else "failed"


class _Reporter:
    """Sends reports from a thread of its own, together."""

    def __init__(self, send: Callable[[list[dict[str, Any]]], None]):
        self._send = send
        self._waiting: collections.deque[dict[str, Any]] = collections.deque(maxlen=_REPORTS_KEPT)
        self._changed = threading.Condition()
        self._thread: Optional[threading.Thread] = None
        self._hurry = False
        self._sending = False

    def add(self, report: dict[str, Any]) -> None:
        with self._changed:
            self._waiting.append(report)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="providerd-reports", daemon=True)
                self._thread.start()
                atexit.register(self.flush, 1.0)

    def flush(self, timeout: float) -> bool:
        end = time.monotonic() + timeout
        with self._changed:
            while (self._waiting or self._sending) and time.monotonic() < end:
                self._hurry = True
                self._changed.notify_all()
                self._changed.wait(max(0.0, min(0.05, end - time.monotonic())))
            return not self._waiting and not self._sending

    def _take(self) -> list[dict[str, Any]]:
        with self._changed:
            if not self._hurry:
                self._changed.wait(_REPORT_PAUSE_S)
            self._hurry = False
            oldest = time.time() - _REPORT_AGE_MAX_S
            while self._waiting and self._waiting[0]["time"] < oldest:
                self._waiting.popleft()
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), _REPORTS_AT_ONCE))]
            self._sending = bool(batch)
            return batch

    def _run(self) -> None:
        while True:
            batch = self._take()
            if not batch:
                continue
            sent = True
            try:
                self._send(batch)
            except ProviderdUnreachable:
                sent = False
            except ProviderdError as error:
                sent = error.status != 503  # refused for good: to send them again is of no use
            with self._changed:
                if not sent:  # before those that came meanwhile; where there is no room for all, the oldest go
                    room = _REPORTS_KEPT - len(self._waiting)
                    self._waiting.extendleft(reversed(batch[max(0, len(batch) - room):]))
                self._sending = False
                self._changed.notify_all()


class ProviderTracker:
    """A daemon, by its URL.

    timeout: for an answer, in seconds. token: sent as a bearer token, for daemons that ask for one.
    """

    def __init__(self, url: str = "http://127.0.0.1:8000", timeout: float = 2.0, token: Optional[str] = None):
        parts = urllib.parse.urlsplit(url if "://" in url else "http://" + url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"expected a URL such as http://127.0.0.1:8000; got {url!r}")
        self._connection = functools.partial(
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection,
            parts.hostname, parts.port)
        self._prefix = parts.path.rstrip("/")
        self._timeout = timeout
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._local = threading.local()  # a connection of each thread
        self._lock = threading.Lock()
        self._answers: dict[str, _Kept] = {}
        self._reporter = _Reporter(self._send_reports)

    # -- asking --

    def _exchange(self, method: str, path: str, headers: dict[str, str], body: Optional[bytes], timeout: float
                  ) -> tuple[int, dict[str, str], bytes]:
        """One request on this thread's connection. One that the daemon has closed meanwhile is opened anew, once."""
        for attempt in (1, 2):
            connection = getattr(self._local, "connection", None)
            reused = connection is not None
            if connection is None:
                connection = self._local.connection = self._connection(timeout=timeout)
            try:
                if connection.sock is not None:
                    connection.sock.settimeout(timeout)
                connection.request(method, self._prefix + path, body=body, headers={**self._headers, **headers})
                response = connection.getresponse()
                return (response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                self._local.connection = None
                gone = isinstance(error, (ConnectionError, http.client.RemoteDisconnected))
                if attempt == 2 or not reused or not gone:
                    raise ProviderdUnreachable(f"no answer from providerd: {error or type(error).__name__}") from error
        raise AssertionError("not reached")

    def _json(self, method: str, path: str, query: Optional[dict[str, Any]] = None, body: Any = None,
              timeout: Optional[float] = None) -> Any:
        headers, content = {}, None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = json.dumps(body).encode()
        status, _, answer = self._exchange(method, path + _encode(query), headers, content, timeout or self._timeout)
        return _decode(status, answer)

    # -- who is best --

    def best(self, **query: Any) -> Best:
        """Who to call now. `query`: policy, model, require, exclude (lists or texts), max_latency_ms, n, key, any.

        Raises ProviderdError when the daemon refuses the question, ProviderdUnreachable when it cannot be reached and never
        has answered this question.
        """
        text = _encode(query)
        kept = self._answers.get(text)
        if kept is not None and time.monotonic() < kept.fresh_until:
            return kept.best
        headers = {"If-None-Match": kept.etag} if kept is not None and kept.etag else {}
        try:
            status, received, body = self._exchange("GET", "/api/providers/best" + text, headers, None, self._timeout)
        except ProviderdUnreachable:
            if kept is None:
                raise
            return _stale(kept.best)
        if status == 304 and kept is not None:
            return self._keep(text, kept.best, kept.etag)
        if status >= 500 and kept is not None:
            return _stale(kept.best)
        return self._keep(text, _best_of(_decode(status, body)), received.get("etag"))

    def _keep(self, question: str, best: Best, etag: Optional[str]) -> Best:
        valid_s = max(0, best.raw.get("valid_for_ms") or 0) / 1000
        with self._lock:
            if len(self._answers) >= _ANSWERS_KEPT and question not in self._answers:
                self._answers.pop(next(iter(self._answers)))
            self._answers[question] = _Kept(best, etag, time.monotonic() + min(valid_s, 1.0))
        return best

    def wait_for_best(self, after: Best, timeout: float = 30.0, **query: Any) -> Best:
        """Waits until another provider is best than in `after`, an answer to the same question, or `timeout` seconds."""
        answer = self._json("GET", "/api/providers/best", {**query, "wait": f"{timeout:g}s", "version": after.version},
                            timeout=timeout + self._timeout)
        return _best_of(answer)

    # -- the rest --

    def status(self, name: Optional[str] = None, window: str = "24h") -> dict[str, Any]:
        """The state of all providers, or of one."""
        path = "/api/providers/status" + ("/" + urllib.parse.quote(name, safe="") if name is not None else "")
        return self._json("GET", path, {"window": window})

    def history(self, name: Optional[str] = None, **query: Any) -> Any:
        """The checks. `query`: hours, from, to, step, points, limit ...; `from` as `from_`."""
        path = "/api/providers/history" + ("/" + urllib.parse.quote(name, safe="") if name is not None else "")
        return self._json("GET", path, {key.rstrip("_"): value for key, value in query.items()})

    def check(self, name: Optional[str] = None) -> list[str]:
        """Has all providers checked now, or one. Returns whose check was asked for, at once."""
        path = "/api/providers/check" + ("/" + urllib.parse.quote(name, safe="") if name is not None else "")
        return self._json("POST", path)["checking"]

    def events(self, since_id: Optional[int] = None, wait: float = 30.0, **query: Any) -> Iterator[dict[str, Any]]:
        """What happens, for ever: events behind `since_id`, or from now on. `query`: kind, provider.

        While the daemon cannot be reached it is asked again every few seconds; nothing that its log holds is missed.
        """
        place = since_id if since_id is not None else self._json("GET", "/api/providers/events", {"limit": 1})["last_id"]
        while True:
            try:
                page = self._json("GET", "/api/providers/events", {**query, "since_id": place, "wait": f"{wait:g}s"},
                                  timeout=wait + self._timeout)
            except ProviderdUnreachable:
                time.sleep(3)
                continue
            yield from page["events"]
            place = max(place, page["last_id"])

    # -- telling --

    def report(self, provider: str, outcome: Optional[str] = None, status: Optional[int] = None, headers: Any = None,
               **known: Any) -> None:
        """Tells what became of a call of yours; returns at once, and never raises for the daemon's sake.

        outcome: "ok", "aborted", "failed" or a kind of GET /api/error-kinds; without it the HTTP status tells. headers: of the answer,
        as a mapping; only those of limits leave this process. known: key, model, latency_ms, first_token_ms, tokens,
        tokens_per_second, error, time (seconds since 1970).
        """
        report = {"provider": provider, "outcome": outcome, "status": status, "time": time.time(), **known}
        if headers is not None:
            limits = {str(name): str(value) for name, value in dict(headers).items() if _tells_of_limits(str(name))}
            report["headers"] = limits or None
        self._reporter.add({name: value for name, value in report.items() if value is not None})

    def call(self, provider: str, **known: Any) -> Call:
        """`with tracker.call("groq", model=...) as call:` reports the call when the block ends. known: key, model."""
        return Call(self, provider, **known)

    def flush(self, timeout: float = 5.0) -> bool:
        """Sends what waits to be reported now. False when that took longer than `timeout`, as while the daemon is away."""
        return self._reporter.flush(timeout)

    def _send_reports(self, reports: list[dict[str, Any]]) -> None:
        self._json("POST", "/api/providers/report", body={"reports": reports})

    # -- the end --

    def close(self) -> None:
        """Closes this thread's connection; the next call opens another."""
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
        self._local.connection = None


def get_healthiest_provider(tracker: ProviderTracker) -> Optional[str]:
    """The name of the provider to call now; None when none is up, or it cannot be known."""
    try:
        return tracker.best().best_provider
    except ProviderdUnreachable:
        return None


class AsyncProviderTracker:
    """The same for asyncio: each call runs on a thread of the loop's executor, but answers that are still valid do not."""

    def __init__(self, url: str = "http://127.0.0.1:8000", timeout: float = 2.0, token: Optional[str] = None):
        self.tracker = ProviderTracker(url, timeout, token)

    async def _run(self, function: Callable[..., Any], *arguments: Any, **query: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(None, functools.partial(function, *arguments, **query))

    async def best(self, **query: Any) -> Best:
        kept = self.tracker._answers.get(_encode(query))
        if kept is not None and time.monotonic() < kept.fresh_until:
            return kept.best
        return await self._run(self.tracker.best, **query)

    async def wait_for_best(self, after: Best, timeout: float = 30.0, **query: Any) -> Best:
        return await self._run(self.tracker.wait_for_best, after, timeout, **query)

    async def status(self, name: Optional[str] = None, window: str = "24h") -> dict[str, Any]:
        return await self._run(self.tracker.status, name, window)

    async def history(self, name: Optional[str] = None, **query: Any) -> Any:
        return await self._run(self.tracker.history, name, **query)

    async def check(self, name: Optional[str] = None) -> list[str]:
        return await self._run(self.tracker.check, name)

    def report(self, provider: str, outcome: Optional[str] = None, status: Optional[int] = None, headers: Any = None,
               **known: Any) -> None:
        self.tracker.report(provider, outcome, status, headers, **known)  # does not wait

    def call(self, provider: str, **known: Any) -> Call:
        return self.tracker.call(provider, **known)

    async def flush(self, timeout: float = 5.0) -> bool:
        return await self._run(self.tracker.flush, timeout)

    async def events(self, since_id: Optional[int] = None, wait: float = 30.0, **query: Any
                     ) -> AsyncIterator[dict[str, Any]]:
        iterator = self.tracker.events(since_id, wait, **query)
        while True:
            yield await self._run(next, iterator)


# -- helpers --

def _tells_of_limits(name: str) -> bool:
    name = name.lower()
    return name in ("retry-after", "retry-after-ms", "date") or any(
        part in name for part in ("ratelimit", "rate-limit", "endpoint-call", "endpoint-monthly-call", "x-litellm-key-"))


def _encode(query: Optional[dict[str, Any]]) -> str:
    """A query string; lists with commas, True as 1, None and False left out. The same question is always the same text."""
    pairs = []
    for name, value in sorted((query or {}).items()):
        if value is None or value is False:
            continue
        if isinstance(value, (list, tuple, set, frozenset)):
            value = ",".join(sorted(value) if isinstance(value, (set, frozenset)) else value)
        pairs.append((name, "1" if value is True else value))
    return "?" + urllib.parse.urlencode(pairs) if pairs else ""


def _decode(status: int, body: bytes) -> Any:
    try:
        answer = json.loads(body) if body else None
    except ValueError:
        answer = None
    if status >= 400 or answer is None:
        detail = answer.get("detail", "") if isinstance(answer, dict) else body[:200].decode(errors="replace")
        raise ProviderdError(status, detail)
    return answer


def _best_of(answer: dict[str, Any]) -> Best:
    return Best(answer.get("best_provider"), answer.get("reason", ""), tuple(answer.get("alternatives") or ()),
                answer.get("model"), bool(answer.get("stale")), answer.get("version", 0), answer)


def _stale(best: Best) -> Best:
    return Best(best.best_provider, best.reason, best.alternatives, best.model, True, best.version, best.raw)
