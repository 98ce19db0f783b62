// app: what is shown, the head of the page, the theme, the keyboard.
import { follow, on, useToken } from "./data.js";
import { h, show } from "./dom.js";
import { overview } from "./overview.js";
import { provider } from "./provider.js";

const main = document.getElementById("main");
let end = () => {};

function route() {
  const found = location.hash.match(/^#\/provider\/(.+)$/);
  end();
  end = found ? provider(main, decodeURIComponent(found[1])) : overview(main);
  window.scrollTo(0, 0);
}

// -- the head

on("best", (best) => {
  if (!best) return;
  const others = best.alternatives.length ? `; then ${best.alternatives.slice(0, 3).join(", ")}` : "";
  show(document.getElementById("best"), "Call ", h("b", null, best.best_provider ?? "nobody"), " ", h("span", { class: "why" }, `${best.reason}${others}`));
  document.title = `${best.best_provider ?? "nobody"} – providerd`;
});

on("live", (text) => {
  const element = document.getElementById("live");
  element.textContent = text;
  element.className = `live ${text === "live" ? "on" : text === "connecting" ? "" : "off"}`;
  if (text === "a token is needed" && !document.getElementById("token")) askForToken();
});

function askForToken() {
  const field = h("input", { id: "token", type: "password", autocomplete: "off", size: 40, "aria-label": "Token" });
  const form = h("form", { class: "controls", onsubmit: (event) => { event.preventDefault(); useToken(field.value.trim()); } },
    h("label", { for: "token" }, "This daemon asks for a token (scope read):"), field, h("button", { type: "submit" }, "Use it"));
  main.prepend(form);
  field.focus();
}

// -- the theme: the system's, unless one was chosen

const THEMES = ["system", "light", "dark"];
const button = document.getElementById("theme");

function setTheme(theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  button.textContent = `Theme: ${theme}`;
  try {
    localStorage.setItem("theme", theme);
  } catch { /* a browser that keeps nothing */ }
}

function theme() {
  try {
    return THEMES.includes(localStorage.getItem("theme")) ? localStorage.getItem("theme") : "system";
  } catch {
    return "system";
  }
}

button.addEventListener("click", () => setTheme(THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length]));
setTheme(theme());

// -- the keyboard

function move(by) {
  const links = [...document.querySelectorAll(".providers tbody th a")];
  if (links.length === 0) return;
  const at = links.indexOf(document.activeElement);
  links[Math.min(links.length - 1, Math.max(0, at + by))].focus();
}

document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("input, select, textarea");
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.key === "Escape") {
    if (typing) event.target.blur();
    else if (location.hash.startsWith("#/provider/")) location.hash = "#/";
  } else if (!typing && event.key === "/") {
    event.preventDefault();
    document.getElementById("filter")?.focus();
  } else if (!typing && event.key === "j") {
    move(1);
  } else if (!typing && event.key === "k") {
    move(-1);
  }
});

window.addEventListener("hashchange", route);
route();
follow();
