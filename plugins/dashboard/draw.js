// draw: states, sparklines, bars of uptime, gauges. Each has words for who does not see it.
import { h, svg } from "./dom.js";
import { ms, percent } from "./format.js";

const SHAPES = { healthy: "M8 1a7 7 0 1 0 .01 0z", degraded: "M8 1 15.5 15H.5z", down: "M1.5 1.5h13v13h-13z", unknown: "M8 1 15 8 8 15 1 8z" };

/** A word with a shape of its own for each state. */
export function state(status) {
  return h("span", { class: `state ${status}` }, svg("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" },
    svg("path", { d: SHAPES[status] ?? SHAPES.unknown, fill: "currentColor" })), status);
}

const GAP_MAX = 12; // steps without a check that the line goes over: checks may be further apart than steps

/** The mean latency of each step as a line. */
export function sparkline(steps, slots) {
  const values = slots.map((slot) => steps.get(slot)?.mean ?? null);
  const measured = values.filter((value) => value !== null);
  if (measured.length === 0) return h("span", { class: "small" }, "nothing measured");
  const most = Math.max(...measured) * 1.1 || 1;
  let path = "", last = -Infinity;
  values.forEach((value, i) => {
    if (value === null) return;
    const near = i - last <= GAP_MAX;
    path += `${near ? "L" : "M"}${i} ${(30 - (value / most) * 28).toFixed(1)}${near ? "" : "h.01"}`;
    last = i;
  });
  const words = `Latency between ${ms(Math.min(...measured))} and ${ms(Math.max(...measured))}`;
  return svg("svg", { class: "spark", viewBox: `0 0 ${Math.max(1, slots.length - 1)} 31`, preserveAspectRatio: "none", role: "img",
    "aria-label": words }, svg("title", null, words), svg("path", { d: path }));
}

function kindOf(step) {
  if (!step || step.checks === 0) return "none";
  const share = step.up / step.checks;
  return share >= 0.995 ? "good" : share >= 0.9 ? "warn" : "bad";
}

/** A bar for each step, as status pages have them. */
export function uptimeBars(steps, slots, label) {
  let checks = 0, up = 0;
  const bars = slots.map((slot, i) => {
    const step = steps.get(slot);
    checks += step?.checks ?? 0;
    up += step?.up ?? 0;
    const words = step && step.checks ? `${percent((100 * step.up) / step.checks)} of ${step.checks}` : "no checks";
    return svg("rect", { class: kindOf(step), x: i * 4, y: 0, width: 3, height: 16, rx: 0.6 },
      svg("title", null, `${new Date(slot).toLocaleString([], { hour12: false })}: ${words}`));
  });
  const words = checks ? `${label}: ${percent((100 * up) / checks, 2)} of ${checks} checks were up` : `${label}: no checks`;
  return svg("svg", { class: "bars", viewBox: `0 0 ${slots.length * 4} 16`, preserveAspectRatio: "none", role: "img", "aria-label": words }, bars);
}

/** The begins of the steps of the last hours, as the daemon cuts them, and the steps by them. */
export function slotsOf(steps, hours, step_s) {
  const length = step_s * 1000, last = Math.floor(Date.now() / length) * length, slots = [];
  for (let t = last - (Math.round((hours * 3600) / step_s) - 1) * length; t <= last; t += length) slots.push(t);
  return { slots, steps: new Map(steps.map((step) => [Date.parse(step.t), step])) };
}

/** How much of a limit is used up. */
export function gauge(used, label) {
  if (used === null || used === undefined) return h("span", { class: "small" }, "not known");
  const level = used >= 90 ? "bad" : used >= 75 ? "warn" : "good";
  return h("span", { class: `gauge ${level}`, role: "meter", "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": Math.round(used),
    "aria-label": label }, h("span", { style: `width:${Math.min(100, Math.max(0, used))}%` }));
}
