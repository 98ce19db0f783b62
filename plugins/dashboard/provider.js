// provider: everything about one provider.
import { ask, get, history, on } from "./data.js";
import { h, show } from "./dom.js";
import { gauge, slotsOf, state, uptimeBars } from "./draw.js";
import { ago, count, moment, ms, percent, span } from "./format.js";

const WINDOWS = ["1h", "24h", "7d", "30d"];
const RANGES = { "1 hour": [1, "1m"], "24 hours": [24, "15m"], "7 days": [168, "1h"], "30 days": [720, "6h"] };
const PHASES = [["dns_ms", "name lookup"], ["connect_ms", "connect"], ["tls_ms", "TLS"], ["first_byte_ms", "until the first byte"], ["total_ms", "body"]];
const MODELS_SHOWN = 60;
const POINTS_MIN = 4;

function facts(pairs) {
  return h("dl", { class: "facts" }, pairs.filter(([, value]) => value !== null && value !== undefined && value !== "")
    .flatMap(([name, value]) => [h("dt", null, name), h("dd", null, value)]));
}

function card(title, ...content) {
  return h("section", { class: "sheet", "aria-label": title }, h("h2", null, title), content);
}

function wide(title, ...content) {
  const element = card(title, content);
  element.classList.add("wide");
  return element;
}

function table(caption, head, rows) {
  return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": `${caption}: table` }, h("table", null, h("caption", { class: "visually-hidden" }, caption),
    h("thead", null, h("tr", null, head.map((label) => h("th", { scope: "col" }, label)))),
    h("tbody", null, rows.map((cells) => h("tr", null, cells.map((cell, i) => (i === 0 ? h("th", { scope: "row" }, cell) : h("td", { class: "number" }, cell))))))));
}

// -- parts

function now(provider) {
  return card("Now", facts([
    ["State", state(provider.status)], ["Why", `${provider.reason}${provider.error_message ? `: ${provider.error_message}` : ""}`],
    ["Latency", `${ms(provider.response_time_ms)} (slow from ${ms(provider.degraded_latency_ms)})`],
    ["Uptime, 24 h", percent(provider.uptime_percent, 2)], ["Score", provider.score.toFixed(0)],
    ["Last check", ago(provider.last_check)], ["Next check", ago(provider.next_check)],
    ["HTTP status", provider.http_status], ["Failures in a row", provider.consecutive_failures || null],
    ["May be asked again", provider.retry_at ? ago(provider.retry_at) : null],
    ["Risk", provider.forecast.risk >= 0.2 ? `${provider.forecast.risk.toFixed(2)}: ${provider.forecast.reason}` : null],
  ]));
}

function evidence(provider) {
  const found = provider.evidence;
  const row = (name, part, more) => [name, part.state, part.age_s === null ? "–" : `${span(part.age_s)} ago`, part.confidence.toFixed(2), more];
  return card("Evidence", table("What speaks for its state", ["Who", "Says", "Age", "Confidence", "More"], [
    row("Our checks", found.probe, ""),
    row("Clients' calls", found.reports, found.reports.calls ? `${percent(found.reports.success_percent)} of ${count(found.reports.calls)} went well` : ""),
    row("Its status page", found.page, provider.announced?.message ?? ""),
  ]), found.disagreement ? h("p", { class: "note" }, found.disagreement) : null,
  provider.cooling.length ? facts(provider.cooling.map((entry) => [entry.model ?? (entry.key ? `key ${entry.key}` : "all of it"), `cools until ${moment(entry.until)} (${entry.reason})`])) : null);
}

function limits(provider) {
  if (!provider.rate_limit?.length) return null;
  return card("Limits", table("Rate limits and quotas", ["Limit", "Used", "Left", "Resets", "Runs out"], provider.rate_limit.map((limit) => [
    `${limit.unit}${limit.window_s ? ` per ${span(limit.window_s)}` : ""}${limit.name ? ` (${limit.name})` : ""}`,
    gauge(limit.used_percent, `${limit.unit} used up`), `${count(limit.remaining)} of ${count(limit.limit)}`,
    limit.reset_at ? ago(limit.reset_at) : "–", limit.exhausted_at ? ago(limit.exhausted_at) : "–"])));
}

function phases(provider) {
  const measured = PHASES.map(([key, label], i) => ({ label, i, at: provider.phases[key] })).filter((phase) => phase.at !== null);
  if (measured.length === 0) return null;
  let before = 0;
  for (const phase of measured) {
    phase.took = Math.max(0, phase.at - before);
    before = Math.max(before, phase.at);
  }
  return card("Phases of the last check",
    h("div", { class: "phases", role: "img", "aria-label": measured.map((phase) => `${phase.label} ${ms(phase.took)}`).join(", ") },
      measured.map((phase) => h("span", { class: `p${phase.i}`, style: `flex:${phase.took}` }))),
    h("p", { class: "small" }, measured.map((phase) => h("span", { style: "margin-right:1rem" }, h("i", { class: `key-dot p${phase.i}` }), `${phase.label} ${ms(phase.took)}`))));
}

function windows(list) {
  const rows = list.map(([name, stats]) => {
    const latency = stats?.latency_ms;
    return [name, stats ? percent(stats.uptime_percent, 2) : "–", count(stats?.checks), ms(latency?.p50), ms(latency?.p95), ms(latency?.p99), ms(stats?.first_token_ms?.p50),
      stats?.tokens_per_second ? stats.tokens_per_second.p50.toFixed(0) : "–", count(stats?.outages), stats?.mttr_s === null || !stats ? "–" : span(stats.mttr_s)];
  });
  const errors = Object.entries(list.at(-1)[1]?.errors ?? {});
  return [table("Statistics", ["Window", "Uptime", "Checks", "p50", "p95", "p99", "First token", "tok/s", "Outages", "Mean repair"], rows),
    errors.length ? h("p", { class: "small" }, `Errors of 30 days: ${errors.map(([kind, n]) => `${kind} ${n}`).join(", ")}`) : null];
}

function keys(provider) {
  if (!provider.keys) return null;
  return card("Keys", table("Keys", ["Key", "State", "Why", "Latency", "Limit used", "Last check"], provider.keys.map((key) => [
    `${key.key} ${key.hint}`, state(key.status), key.error_kind ?? key.reason, ms(key.response_time_ms), percent(key.rate_limit_percent, 0), ago(key.last_check)])));
}

function models(provider) {
  if (!provider.models?.length) return null;
  return wide(`Models (${provider.model_count})`, table("Models", ["Model", "Context", "USD for 1M in and out", "Can"], provider.models.slice(0, MODELS_SHOWN).map((model) => [
    `${model.id}${model.deprecated ? " (deprecated)" : ""}`, count(model.context), model.price === null ? "–" : model.price.toFixed(2), model.features.join(", ")])),
  provider.model_count > MODELS_SHOWN ? h("p", { class: "small" }, `and ${provider.model_count - MODELS_SHOWN} more`) : null);
}

function incidentRows(incidents) {
  return incidents.map((entry) => [moment(entry.started), entry.ended ? span(entry.duration_s) : "lasts", entry.kind, count(entry.checks_lost), entry.first_error]);
}

// -- the chart

function chartRows(steps) {
  return steps.map((step) => [new Date(step.t), step.min ?? null, step.mean ?? null, step.p95 ?? null, step.max ?? null]);
}

function makeChart(element, steps) {
  if (!window.Dygraph) {
    element.replaceChildren(h("p", { class: "small" }, "The chart library (libjs-dygraphs) was not there when providerd was built; the table below has the figures."));
    return null;
  }
  const ink = getComputedStyle(document.documentElement);
  return new window.Dygraph(element, chartRows(steps), { labels: ["time", "min", "mean", "p95", "max"], colors: ["#6c8ebf", ink.getPropertyValue("--accent").trim(), "#c8871f", "#b0719c"],
    strokeWidth: 1.6, ylabel: "latency, ms", includeZero: true, connectSeparatedPoints: false, axisLineColor: ink.getPropertyValue("--line").trim(),
    gridLineColor: ink.getPropertyValue("--line").trim(), legend: "follow", animatedZooms: false,
    drawPoints: steps.length < 40, pointSize: 3 });
}

// -- the page

/** Shows one provider in `main`; gives what ends it. */
export function provider(main, name) {
  const title = h("div"), live = h("div", { class: "grid" }), listed = h("div", { class: "grid" }), chart = h("div", { class: "chart" }), bars = h("div"), stats = h("div"), incidents = h("div"), failure = h("div");
  let graph = null, ended = false, range = "24 hours", chosen = false;
  const api = `/api/providers/status/${encodeURIComponent(name)}`;
  const say = (error) => show(title, h("p", { class: "note", role: "alert" }, error.message));

  async function drawChart() {
    let steps = await history(name, ...RANGES[range]);
    if (!chosen && steps.length < POINTS_MIN) { // it has not been watched for long: the last hour tells more
      press("1 hour");
      steps = await history(name, ...RANGES[range]);
    }
    if (ended) return;
    graph?.destroy();
    graph = steps.length ? makeChart(chart, steps) : (chart.replaceChildren(h("p", { class: "small" }, "No checks in this time.")), null);
    const week = slotsOf(await history(name, 168, "6h"), 168, 21600);
    show(bars, uptimeBars(week.steps, week.slots, "7 days"));
  }

  async function drawPast() {
    const pages = await Promise.all(WINDOWS.map((window) => get(`${api}?window=${window}`)));
    if (ended) return;
    show(stats, windows(pages.map((page, i) => [WINDOWS[i], page.stats])));
    const found = await get(`/api/providers/incidents?provider=${encodeURIComponent(name)}&hours=720&limit=20`);
    show(incidents, found.incidents.length ? table("Incidents", ["Began", "Lasted", "Kind", "Checks lost", "First error"], incidentRows(found.incidents))
      : h("p", { class: "small" }, "None in 30 days."));
    const last = await ask(`${api}/last_failure`);
    show(failure, last.ok ? h("pre", { tabindex: 0, "aria-label": "The last exchange that failed" }, JSON.stringify(await last.json(), null, 2))
      : h("p", { class: "small" }, "No check has failed since the start."));
  }

  function drawNow(found) {
    show(title, h("h2", null, `${found.title || name} `, h("span", { class: "name" }, name), " ", state(found.status)));
    show(live, [now(found), evidence(found), limits(found), phases(found), keys(found)].filter(Boolean));
    show(listed, models(found));
  }

  const checkButton = h("button", { type: "button", onclick: () => ask(`/api/providers/check/${encodeURIComponent(name)}`, { method: "POST" }) }, "Check now");
  const rangeButtons = Object.keys(RANGES).map((label) => h("button", { type: "button", "aria-pressed": String(label === range), onclick: () => {
    chosen = true;
    press(label);
    drawChart();
  } }, label));
  function press(label) {
    range = label;
    for (const button of rangeButtons) button.setAttribute("aria-pressed", String(button.textContent === label));
  }

  main.replaceChildren(h("p", null, h("a", { href: "#/" }, "All providers")), title, h("p", null, checkButton), live,
    h("div", { class: "grid" }, wide("Latency", h("div", { class: "controls" }, rangeButtons), chart, bars), wide("Statistics", stats), wide("Incidents", incidents),
      wide("Last failure", failure)), listed);
  const end = on("status", async (status) => {
    if (!status) return;
    try {
      const found = await get(api);
      if (!ended) drawNow(found);
    } catch (error) {
      if (!ended) say(error);
    }
  });
  drawChart().then(drawPast).catch(() => {});
  const timer = setInterval(() => drawChart().then(drawPast).catch(() => {}), 60000);
  return () => {
    ended = true;
    clearInterval(timer);
    graph?.destroy();
    end();
  };
}
