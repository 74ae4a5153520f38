"use strict";

const root = document.documentElement;
const find = (selector, within = document) => within.querySelector(selector);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];

for (const part of all("[data-script]")) part.hidden = false;
if (matchMedia("(max-width: 60rem)").matches) find(".menu").open = false;

// Search: numbers by their start, names by any part, accents apart.
const bare = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().trim();
const search = find("#search");
const entries = all("#classes li");

function matches(entry, wanted) {
  const name = bare(entry.dataset.name);
  return /^\d+$/.test(wanted) ? name.startsWith(wanted) || name.includes(` ${wanted}`) : name.includes(wanted);
}

search.addEventListener("input", () => {
  const wanted = bare(search.value);
  find(".menu").open = true;
  for (const entry of entries) entry.hidden = !matches(entry, wanted);
  const none = find("#search-none");
  none.textContent = entries.every((entry) => entry.hidden) ? none.dataset.text : "";
});
search.addEventListener("keydown", (event) => {
  if (event.key === "Escape") search.blur();
  if (event.key !== "Enter") return;
  const first = entries.find((entry) => !entry.hidden);
  if (first) goTo(find(find("a", first).hash));
});

// Navigation
const sections = all("section.class");
const links = new Map(all("nav a").map((link) => [link.hash, link]));
let current = -1;

function goTo(section) {
  history.replaceState(null, "", `#${section.id}`);
  section.scrollIntoView();
  find("h2", section).focus({ preventScroll: true });
}

const visible = new Set();
const observer = new IntersectionObserver((changes) => {
  for (const { target, isIntersecting } of changes) visible[isIntersecting ? "add" : "delete"](target);
  const first = all("main > section").find((section) => visible.has(section));
  for (const link of links.values()) link.removeAttribute("aria-current");
  current = sections.indexOf(first);
  const link = first && links.get(`#${first.id}`);
  if (!link) return;
  link.setAttribute("aria-current", "true");
  const box = link.getBoundingClientRect();
  const nav = find("nav");
  if (getComputedStyle(nav).position === "sticky" && (box.top < 0 || box.bottom > nav.clientHeight)) {
    nav.scrollTop += box.top - nav.clientHeight / 2;
  }
}, { rootMargin: "-80px 0px -50% 0px" });
for (const section of all("main > section")) observer.observe(section);

// Display
for (const box of all("input[name=method]")) {
  const show = () => root.classList.toggle(`hide-${box.value}`, !box.checked);
  box.addEventListener("change", show);
  show();
}
function follow(selector, set) {
  const input = find(selector);
  if (!input) return;
  input.addEventListener("input", () => set(input.value));
  set(input.value);
}
follow("#strength", (value) => {
  root.style.setProperty("--strength", value / 100);
  find("output[for=strength]").value = `${value} %`;
});
follow("#size", (value) => root.style.setProperty("--tile", `${value}px`));
follow("#theme", (value) => { root.dataset.theme = value; });
find(".display").addEventListener("submit", (event) => event.preventDefault());
document.addEventListener("click", (event) => {
  const choice = find(".choice");
  if (choice && !choice.contains(event.target)) choice.open = false;
});

// A row enlarged
const zoom = find("#zoom");
const rows = all("tbody.row");
let shown = 0;

function enlarge(number) {
  shown = (number + rows.length) % rows.length;
  const row = rows[shown];
  const caption = find(".caption", row).cloneNode(true);
  find("button", caption).remove();
  find("#zoom-title").textContent = `${find("h2", row.closest("section")).textContent.trim()} – ${caption.textContent.trim()}`;
  const names = all("thead th", row.closest("table"));
  const figures = all("td", row.rows[1]).map((cell, column) => {
    const figure = document.createElement("figure");
    figure.className = cell.className;
    const name = document.createElement("figcaption");
    name.textContent = names[column].textContent;
    figure.append(...all(".tile", cell).map((tile) => tile.cloneNode()), name);
    return figure;
  });
  find("#zoom-tiles").replaceChildren(...figures);
  if (!zoom.open) zoom.showModal();
}

rows.forEach((row, number) => row.addEventListener("click", () => {
  find("button", row).focus({ preventScroll: true });
  enlarge(number);
}));
for (const button of all("[data-turn]", zoom)) {
  button.addEventListener("click", () => enlarge(shown + Number(button.dataset.turn)));
}
find("[data-close]", zoom).addEventListener("click", () => zoom.close());
zoom.addEventListener("click", (event) => { if (event.target === zoom) zoom.close(); });

// Keys
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (zoom.open) {
    const turn = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (turn) enlarge(shown + turn);
    return;
  }
  if (event.target.matches("input, select")) return;
  if (event.key === "/") {
    event.preventDefault();
    search.focus();
  }
  const step = { j: 1, k: -1 }[event.key];
  const next = sections[Math.min(Math.max(current + (step ?? 0), 0), sections.length - 1)];
  if (step && next) goTo(next);
});
