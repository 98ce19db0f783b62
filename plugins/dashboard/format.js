// format: numbers and times for people.

export function ms(value) {
  if (value === null || value === undefined) return "–";
  return value >= 10000 ? `${(value / 1000).toFixed(1)} s` : value >= 100 ? `${Math.round(value)} ms` : `${value.toFixed(1)} ms`;
}

export function percent(value, digits = 1) {
  return value === null || value === undefined ? "–" : `${value.toFixed(digits)} %`;
}

export function count(value) {
  return value === null || value === undefined ? "–" : value.toLocaleString("en");
}

/** "3 min", "2 h 5 min": a length of time in seconds. */
export function span(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  const parts = s < 86400 ? [Math.floor(s / 3600), "h", Math.floor((s % 3600) / 60), "min"] : [Math.floor(s / 86400), "d", Math.floor((s % 86400) / 3600), "h"];
  return parts[2] === 0 ? `${parts[0]} ${parts[1]}` : parts.join(" ");
}

/** "5 s ago", or "in 2 min". */
export function ago(time, now = Date.now()) {
  if (!time || time === "never") return "never";
  const seconds = (now - Date.parse(time)) / 1000;
  return seconds >= 0 ? `${span(seconds)} ago` : `in ${span(-seconds)}`;
}

export function clock(time) {
  return new Date(time).toLocaleTimeString([], { hour12: false });
}

export function moment(time) {
  return time ? new Date(time).toLocaleString([], { hour12: false }) : "–";
}
