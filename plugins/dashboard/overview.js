// overview: one row for each provider, live.
import { history, known, on } from "./data.js";
import { h, show } from "./dom.js";
import { gauge, slotsOf, sparkline, state, uptimeBars } from "./draw.js";
import { ago, clock, count, ms, percent } from "./format.js";

const RANGES = { "1h": { label: "1 hour", hours: 1, step: "1m", step_s: 60 }, "24h": { label: "24 hours", hours: 24, step: "30m", step_s: 1800 }, "7d": { label: "7 days", hours: 168, step: "6h", step_s: 21600 } };
const STATES = ["healthy", "degraded", "down", "unknown"];
const RANK = { down: 0, degraded: 1, unknown: 2, healthy: 3 };
const SORTS = {
  name: ["name", (a, b) => a.name.localeCompare(b.name)],
  state: ["worst first", (a, b) => RANK[a.status] - RANK[b.status] || a.name.localeCompare(b.name)],
  latency: ["latency", (a, b) => (a.response_time_ms || 1e9) - (b.response_time_ms || 1e9)],
  uptime: ["uptime", (a, b) => b.uptime_percent - a.uptime_percent],
  limit: ["limit used", (a, b) => b.rate_limit_percent - a.rate_limit_percent],
};
const HISTORY_EVERY_MS = 60000;

const wish = { text: "", states: new Set(STATES), sort: "name", group: false, range: null };

/** A day, unless the daemon has not been there for two hours yet: then the last hour tells more. */
function firstRange(providers) {
  const since = Object.values(providers).map((provider) => Date.parse(provider.stats?.complete_since ?? "")).filter((time) => !Number.isNaN(time));
  return since.length > 0 && Date.now() - Math.min(...since) < 2 * 3600 * 1000 ? "1h" : "24h";
}

/** The tightest of the limits that are known. */
function tightest(provider) {
  return (provider.rate_limit ?? []).filter((limit) => limit.used_percent !== null)
    .sort((a, b) => b.used_percent - a.used_percent)[0] ?? null;
}

function why(provider) {
  const cooling = provider.cooling.filter((entry) => Date.parse(entry.until) > Date.now());
  return [
    provider.status !== "healthy" && provider.error_message ? `${provider.error_kind ?? provider.reason}: ${provider.error_message}` : null,
    provider.status === "degraded" && !provider.error_message ? provider.reason : null,
    provider.evidence?.disagreement,
    cooling.length ? `cooling: ${cooling.map((entry) => entry.model ?? (entry.key ? `key ${entry.key}` : "all")).slice(0, 3).join(", ")}` : null,
    provider.forecast?.risk >= 0.5 ? `at risk: ${provider.forecast.reason}` : null,
    provider.announced && !["operational", "unknown"].includes(provider.announced.state) ? `announces: ${provider.announced.state}` : null,
  ].filter(Boolean).slice(0, 3);
}

// -- one row: its cells are made once and filled again

function makeRow(name, watcher) {
  const cell = (label, attributes) => h("td", { "data-label": label, ...attributes });
  const row = {
    name, drawn: 0, visible: false,
    state: h("td"),
    title: h("th", { scope: "row" }),
    latency: cell("Latency", { class: "number" }),
    spark: cell("Trend"),
    uptime: cell("Uptime", { class: "number" }),
    bars: cell("Checks"),
    limit: cell("Limit"),
    speed: cell("First token, speed", { class: "number" }),
    checked: cell("Checked", { class: "number small" }),
  };
  row.element = h("tr", { "data-name": name }, row.title, row.state, row.latency, row.spark, row.uptime, row.bars, row.limit, row.speed, row.checked);
  row.element.row = row;
  watcher.observe(row.element);
  return row;
}

function fillRow(row, provider, best) {
  const limit = tightest(provider), deep = provider.deep, stats = provider.stats;
  const first_token = deep?.first_token_ms ?? stats?.first_token_ms?.p50 ?? null;
  const speed = deep?.tokens_per_second ?? stats?.tokens_per_second?.p50 ?? null;
  row.element.classList.toggle("is-best", best === row.name);
  show(row.title, h("a", { href: `#/provider/${encodeURIComponent(row.name)}` }, provider.title || row.name), " ",
    h("span", { class: "name" }, provider.title && provider.title !== row.name ? row.name : ""), " ",
    best === row.name ? h("span", { class: "badge" }, "best") : null,
    why(provider).map((line) => h("div", { class: "why" }, line)));
  show(row.state, state(provider.status));
  show(row.latency, provider.last_check === "never" ? "–" : ms(provider.response_time_ms));
  show(row.uptime, percent(provider.uptime_percent, 2));
  show(row.limit, limit ? gauge(limit.used_percent, `${limit.unit} used up`) : h("span", { class: "small" }, "–"),
    limit ? h("span", { class: "small" }, `${count(limit.remaining)} of ${count(limit.limit)} ${limit.unit}`,
      limit.reset_at && Date.parse(limit.reset_at) > Date.now() ? `, ${ago(limit.reset_at)}` : "") : null);
  show(row.speed, [first_token === null ? null : ms(first_token), speed === null ? null : `${speed.toFixed(0)} tok/s`].filter(Boolean).join(", ") || "–");
  show(row.checked, ago(provider.last_check));
}

async function drawPast(row) {
  const range = RANGES[wish.range], asked = wish.range;
  if (!range || !row.visible || Date.now() - row.drawn < HISTORY_EVERY_MS) return;
  row.drawn = Date.now();
  const { slots, steps } = slotsOf(await history(row.name, range.hours, range.step), range.hours, range.step_s);
  if (asked !== wish.range) return;
  show(row.spark, sparkline(steps, slots));
  show(row.bars, uptimeBars(steps, slots, range.label));
}

// -- what is shown, and in which order

function chosen(providers) {
  const text = wish.text.trim().toLowerCase();
  return Object.entries(providers)
    .map(([name, provider]) => ({ name, ...provider }))
    .filter((provider) => wish.states.has(provider.status))
    .filter((provider) => !text || `${provider.name} ${provider.title} ${provider.reason} ${provider.error_kind ?? ""}`.toLowerCase().includes(text))
    .sort(SORTS[wish.sort][1]);
}

function groupRow(status, length) {
  return h("tr", { class: "group-row" }, h("th", { colspan: 9, scope: "colgroup" }, `${status} (${length})`));
}

function chooseRange(range) {
  wish.range = range;
  for (const button of document.querySelectorAll("button[data-range]")) button.setAttribute("aria-pressed", String(button.dataset.range === range));
}

function controls(redraw, forgetPast) {
  const filter = h("input", { type: "search", id: "filter", placeholder: "Filter (press /)", "aria-label": "Filter providers", value: wish.text,
    oninput: (event) => { wish.text = event.target.value; redraw(); } });
  const chips = STATES.map((name) => h("button", { type: "button", "data-state": name, "aria-pressed": String(wish.states.has(name)),
    onclick: (event) => {
      if (!wish.states.delete(name)) wish.states.add(name);
      event.currentTarget.setAttribute("aria-pressed", String(wish.states.has(name)));
      redraw();
    } }, name));
  const sort = h("select", { "aria-label": "Sort by", onchange: (event) => { wish.sort = event.target.value; redraw(); } },
    Object.entries(SORTS).map(([key, [label]]) => h("option", { value: key, selected: wish.sort === key }, `Sort: ${label}`)));
  const group = h("button", { type: "button", "aria-pressed": String(wish.group), onclick: (event) => {
    wish.group = !wish.group;
    event.currentTarget.setAttribute("aria-pressed", String(wish.group));
    redraw();
  } }, "Group by state");
  const ranges = Object.entries(RANGES).map(([key, range]) => h("button", { type: "button", "data-range": key,
    "aria-pressed": String(wish.range === key), onclick: () => { chooseRange(key); forgetPast(); } }, range.label));
  return h("div", { class: "controls" }, filter, h("fieldset", null, h("legend", null, "States"), chips), sort, group,
    h("fieldset", null, h("legend", null, "Time shown"), ranges));
}

function eventList(events) {
  return events.slice(0, 12).map((event) => h("li", null, h("time", { datetime: event.time }, clock(event.time)), event.text));
}

/** Shows the overview in `main`; gives what ends it. */
export function overview(main) {
  const rows = new Map();
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      entry.target.row.visible = entry.isIntersecting;
      drawPast(entry.target.row);
    }
  }, { rootMargin: "200px" });
  const body = h("tbody");
  const table = h("table", { class: "providers" },
    h("caption", { class: "visually-hidden" }, "The providers, their states and figures"),
    h("thead", null, h("tr", null, ["Provider", "State", "Latency", "Trend", "Uptime", "Checks", "Limit", "First token, speed", "Checked"]
      .map((label) => h("th", { scope: "col" }, label)))), body);
  const nothing = h("p", { class: "empty", hidden: true });
  const absent = h("p", { class: "small" });
  const events = h("ul", { class: "events" });

  function redraw() {
    if (!known.status) return;
    if (wish.range === null) chooseRange(firstRange(known.status.providers));
    const list = chosen(known.status.providers), best = known.best?.best_provider ?? null, wanted = [];
    let last = null;
    if (wish.group) list.sort((a, b) => RANK[a.status] - RANK[b.status]);
    for (const provider of list) {
      if (wish.group && provider.status !== last) {
        last = provider.status;
        wanted.push(groupRow(last, list.filter((other) => other.status === last).length));
      }
      if (!rows.has(provider.name)) rows.set(provider.name, makeRow(provider.name, watcher));
      const row = rows.get(provider.name);
      fillRow(row, provider, best);
      drawPast(row);
      wanted.push(row.element);
    }
    const same = wanted.length === body.children.length && wanted.every((element, i) => element === body.children[i]);
    if (!same) body.replaceChildren(...wanted); // else the focus would be lost
    const total = Object.keys(known.status.providers).length;
    nothing.hidden = list.length !== 0;
    nothing.textContent = total === 0 ? "No provider is watched yet: set a key, such as GROQ_API_KEY, and send SIGHUP." : "No provider matches.";
    const missing = known.status.not_configured ?? [];
    show(absent, missing.length ? `${missing.length} more could be watched: ${missing.slice(0, 6).map((entry) => `${entry.name} (${entry.message})`).join(", ")}${missing.length > 6 ? " …" : ""}` : "");
    for (const broken of known.status.broken ?? []) absent.append(h("div", { class: "note" }, `${broken.name}: ${broken.message}`));
  }

  main.replaceChildren(
    h("h2", { class: "visually-hidden" }, "Providers"),
    controls(redraw, () => { for (const row of rows.values()) { row.drawn = 0; drawPast(row); } }),
    h("div", { class: "sheet" }, table), nothing, absent,
    h("section", { class: "sheet", style: "padding:.9rem 1rem;margin-top:1rem", "aria-label": "What happened" }, h("h2", null, "What happened"), events));
  const ends = [on("status", redraw), on("best", redraw), on("events", (list) => show(events, eventList(list)))];
  return () => {
    watcher.disconnect();
    for (const end of ends) end();
  };
}
