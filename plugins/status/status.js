// The public page: how the chosen providers are, and how they were for 30 days.
import { h, show } from "/dashboard/dom.js";
import { slotsOf, state, uptimeBars } from "/dashboard/draw.js";
import { moment, ms, percent, span } from "/dashboard/format.js";

const DAYS = 30, DAY_S = 86400;
const EVERY_MS = 30000, PAST_EVERY_MS = 10 * 60000;

let past = {}, pastTime = 0;

const element = (id) => document.getElementById(id);

async function get(path) {
  const response = await fetch(path, { headers: { accept: "application/json" } });
  const body = await response.json().catch(() => null);
  if (!response.ok) throw new Error(body?.detail ?? `HTTP ${response.status}`);
  return body;
}

function summarize(providers) {
  const count = (status) => providers.filter((provider) => provider.status === status).length;
  const down = count("down"), degraded = count("degraded"), unknown = count("unknown");
  if (providers.length === 0) return ["warn", "No provider is shown."];
  if (down > 0) return ["bad", `${down} of ${providers.length} ${down === 1 ? "is" : "are"} down.`];
  if (degraded > 0) return ["warn", `${degraded} of ${providers.length} ${degraded === 1 ? "has" : "have"} trouble.`];
  if (unknown === providers.length) return ["warn", "Nothing is known yet."];
  return ["good", "All is well."];
}

function entry(provider) {
  const { slots, steps } = slotsOf(past[provider.name] ?? [], DAYS * 24, DAY_S);
  const uptime = provider.uptime_percent;
  return h("li", { "data-name": provider.name },
    h("div", { class: "line" },
      h("h2", null, provider.title || provider.name),
      h("span", null, state(provider.status), provider.latency_ms ? h("span", { class: "small" }, ` ${ms(provider.latency_ms)}`) : null)),
    uptimeBars(steps, slots, `${DAYS} days`),
    h("div", { class: "ends small" }, h("span", null, `${DAYS} days ago`),
      h("span", null, `24 hours ${percent(uptime["24h"], 2)}, 7 days ${percent(uptime["7d"], 2)}, ${DAYS} days ${percent(uptime["30d"], 2)}`),
      h("span", null, "today")));
}

function incidentsOf(providers) {
  return providers
    .flatMap((provider) => (provider.incidents ?? []).map((incident) => ({ ...incident, title: provider.title || provider.name })))
    .sort((a, b) => Date.parse(b.started) - Date.parse(a.started))
    .slice(0, 20);
}

function incidentLine(incident) {
  const length_s = (Date.parse(incident.ended ?? new Date().toISOString()) - Date.parse(incident.started)) / 1000;
  return h("li", null, h("time", { datetime: incident.started }, moment(incident.started)), `${incident.title}: `,
    incident.ended ? `down for ${span(length_s)}` : `down since then (${span(length_s)})`);
}

function draw(now) {
  const [level, words] = summarize(now.providers);
  document.title = now.title;
  show(element("title"), now.title);
  element("note").hidden = !now.note;
  show(element("note"), now.note ?? "");
  element("summary").className = `summary ${level}`;
  show(element("summary"), words);
  show(element("providers"), now.providers.map(entry));
  const incidents = incidentsOf(now.providers);
  element("incidents").hidden = incidents.length === 0;
  show(element("incidents").querySelector("ul"), incidents.map(incidentLine));
  show(element("updated"), `As of ${moment(now.updated)}`);
}

async function refresh() {
  try {
    if (Date.now() - pastTime > PAST_EVERY_MS) {
      pastTime = Date.now();
      past = await get("/status/days.json").catch(() => past);
    }
    draw(await get("/status/now.json"));
  } catch (error) {
    element("summary").className = "summary bad";
    show(element("summary"), `No answer: ${error.message}`);
  }
}

refresh();
setInterval(() => { if (!document.hidden) refresh(); }, EVERY_MS);
document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
