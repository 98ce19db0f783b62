// data: what the daemon knows, kept up to date: the state of all providers, who is best, what happens.

const LISTENERS = { status: new Set(), best: new Set(), events: new Set(), live: new Set() };
const EVENTS_KEPT = 30;

export const known = { status: null, best: null, events: [], live: "connecting" };

/** Calls back now and at each change of "status", "best", "events" or "live"; gives what ends that. */
export function on(what, callback) {
  LISTENERS[what].add(callback);
  callback(known[what]);
  return () => LISTENERS[what].delete(callback);
}

function tell(what, value) {
  known[what] = value;
  for (const callback of LISTENERS[what]) callback(value);
}

// -- the token, where the daemon asks for one: kept for as long as the tab is open

export function token() {
  try {
    return sessionStorage.getItem("token");
  } catch {
    return null;
  }
}

export function useToken(text) {
  sessionStorage.setItem("token", text);
  location.reload();
}

/** A request with the token. */
export function ask(path, options = {}) {
  const headers = { accept: "application/json" };
  if (token()) headers.authorization = `Bearer ${token()}`;
  return fetch(path, { ...options, headers });
}

/** JSON of a path; throws what the daemon says is wrong. */
export async function get(path, options) {
  const response = await ask(path, options);
  if (response.status === 401) tell("live", "a token is needed");
  const body = await response.json().catch(() => null);
  if (!response.ok) throw new Error(body?.detail ?? `${path}: HTTP ${response.status}`);
  return body;
}

const pause = (time_ms) => new Promise((done) => setTimeout(done, time_ms));

/** Waits for each new version of the state; with many providers not after each of them. */
async function followStatus() {
  let version = null;
  for (;;) {
    try {
      const wait = version === null ? "" : `?wait=25s&version=${version}`;
      const status = await get(`/api/providers/status${wait}`);
      version = status.version;
      tell("status", status);
      tell("best", await get("/api/providers/best?n=8"));
      if (known.live !== "live") tell("live", "live");
      await pause(Math.max(1000, 5 * Object.keys(status.providers).length));
      while (document.hidden) await pause(1000);
    } catch (error) {
      version = null;
      if (known.live !== "a token is needed") tell("live", "no answer from providerd; trying again");
      await pause(2000);
    }
  }
}

function takeEvents(fresh) {
  tell("events", [...fresh.toReversed(), ...known.events].slice(0, EVENTS_KEPT));
}

/** A stream of events cannot bring a token: then by long polls. */
async function pollEvents() {
  let place = (await get("/api/providers/events?limit=1").catch(() => ({ last_id: 0 }))).last_id;
  for (;;) {
    const page = await get(`/api/providers/events?since_id=${place}&wait=25s`).catch(() => null);
    if (page === null) {
      await pause(3000);
      continue;
    }
    takeEvents(page.events);
    place = Math.max(place, page.last_id);
  }
}

function followEvents() {
  const source = new EventSource("/api/providers/events?format=sse");
  const kinds = ["status_change", "key_status_change", "best_change", "incident_opened", "incident_closed", "limit_near", "limit_cleared",
    "risk_high", "risk_over", "model_added", "model_gone", "model_switched", "announced", "provider_added", "provider_removed", "started",
    "reloaded", "reload_failed", "store_failing", "store_back"];
  const take = (message) => takeEvents([JSON.parse(message.data)]);
  source.onmessage = take;
  for (const kind of kinds) source.addEventListener(kind, take);
}

export async function follow() {
  get(`/api/providers/events?limit=${EVENTS_KEPT}`).then((page) => tell("events", page.events)).catch(() => {});
  if (token()) pollEvents();
  else followEvents();
  await followStatus();
}

// -- the past of each provider, a few requests at a time

const KEPT_MS = 60000;
const AT_ONCE = 4;
const past = new Map(); // "name range" -> { time, steps }
const waiting = [];
let running = 0;

function next() {
  while (running < AT_ONCE && waiting.length > 0) {
    const { path, done, failed } = waiting.shift();
    running += 1;
    get(path).then(done, failed).finally(() => {
      running -= 1;
      next();
    });
  }
}

function queue(path) {
  return new Promise((done, failed) => {
    waiting.push({ path, done, failed });
    next();
  });
}

/** Steps of a provider's last hours: [{ t, checks, up, mean, p95, ... }], kept for a minute. */
export async function history(name, hours, step) {
  const key = `${name} ${hours} ${step}`;
  const kept = past.get(key);
  if (kept && Date.now() - kept.time < KEPT_MS) return kept.steps;
  const path = `/api/providers/history/${encodeURIComponent(name)}?hours=${hours}&step=${step}`;
  const steps = await queue(path).catch(() => kept?.steps ?? []);
  past.set(key, { time: Date.now(), steps });
  return steps;
}
