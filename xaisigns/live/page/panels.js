// The controls: each says what it changes of the state, and shows what the state is.

import { className, findings, methodName, number, say, sharedClasses, signName, text } from "./words.js";

const find = (selector) => document.querySelector(selector);

function fill(select, entries) {
  select.replaceChildren(...entries.map(([value, name]) => new Option(name, value)));
}

// Fields that hold one value of the state each, and how its text is read.
const FIELDS = {
  "#size": ["size", Number], "#angle": ["angle", Number], "#colour": ["colour", String], "#shape": ["shape", String],
  "#method": ["method", String], "#composite": ["composite", String], "#gamma": ["gamma", Number],
  "#target": ["target", (value) => (value === "" ? null : Number(value))],
  "#against": ["against", (value) => (value === "" ? null : value === "rest" ? value : Number(value))],
  "#layer": ["layer", (value) => value || null],
  "#class": ["class", Number], "#source": ["kind", String],
};
const OF_THE_PICTURE = new Set(["class", "kind"]);

// `pictures` are those of the findings' patches, by their numbers.
export function panels(settings, pictures, read, change, send) {
  let classesOf = null; // the source whose classes are listed
  const albumOf = (id) => settings.album.find((one) => one.id === id) ?? { count: 0, wrong: 0 };

  for (const [selector, [key, value]] of Object.entries(FIELDS)) {
    find(selector).addEventListener("input", (event) => {
      const found = { [key]: value(event.target.value) };
      if (OF_THE_PICTURE.has(key)) found.place = 0;
      if (key === "kind" && found.kind === "stored" && !albumOf(read().class).count) found.class = settings.album[0].id;
      if (key === "kind" && found.kind === "drawn" && !settings.drawn.includes(read().class)) found.class = settings.drawn[0];
      if (key === "composite") found.gamma = settings.composites[found.composite] ?? read().gamma;
      change(found, event);
    });
  }
  find("#seed").addEventListener("input", (event) => {
    if (/^\d{1,9}$/.test(event.target.value)) change({ seed: Number(event.target.value) }, event);
  });
  find("#another").addEventListener("click", (event) => change({ seed: Math.floor(Math.random() * 100000) }, event));
  const leaf = (by) => (event) => {
    const { class: id, place } = read();
    const { count } = albumOf(id);
    if (count) change({ place: (place + by + count) % count }, event);
  };
  find("#previous").addEventListener("click", leaf(-1));
  find("#following").addEventListener("click", leaf(1));
  find("#panels").addEventListener("submit", (event) => event.preventDefault());
  find("#file").addEventListener("change", (event) => event.target.files[0] && send(event.target.files[0]));
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files[0]) send(event.dataTransfer.files[0]);
  });

  // After a change of language, too.
  function name() {
    const classes = sharedClasses();
    fill(find("#method"), settings.methods.map((one) => [one, methodName(one)]));
    fill(find("#composite"), Object.keys(settings.composites).map((one) => [one, one]));
    fill(find("#target"), [["", text("target_predicted")], ...classes]);
    fill(find("#against"), [["", text("against_none")], ["rest", text("against_rest")], ...classes]);
    fill(find("#layer"), [["", text("layer_none")], ...settings.layers.map((one) => [one, one])]);
    find("#source [value=stored]").hidden = !settings.album.length;
    nameFindings();
    classesOf = null;
    show();
  }

  function nameFindings() {
    const part = find("#findings");
    part.hidden = !settings.audited;
    part.replaceChildren(part.querySelector("h3"));
    if (!settings.patches.length) return part.append(text("findings_none"));
    for (const { sentence, patches } of findings()) {
      if (!patches.length) continue;
      const told = document.createElement("p");
      told.textContent = sentence;
      part.append(told, ...patches.map((patch) => button(text("patch", { number: patch + 1 }), patch, { on: true })));
    }
    part.append(button(text("plain_sticker"), null));
  }

  function button(name, patch, also) {
    const made = Object.assign(document.createElement("button"), { type: "button", textContent: name });
    made.dataset.patch = patch;
    if (patch !== null) made.prepend(small(pictures[patch]));
    made.addEventListener("click", (event) => change({ patch, ...also }, event));
    return made;
  }

  function small(picture) {
    const canvas = Object.assign(document.createElement("canvas"), { width: picture.width, height: picture.height });
    canvas.setAttribute("aria-hidden", "true"); // the button has a name
    canvas.getContext("2d").drawImage(picture, 0, 0);
    return canvas;
  }

  function show() {
    const state = read();
    if (classesOf !== state.kind) {
      classesOf = state.kind;
      const drawn = settings.drawn.map((id) => [id, signName(id)]);
      fill(find("#class"), state.kind === "stored" ? settings.album.map(({ id, count }) => [id, `${className(id)} (${count})`]) : drawn);
    }
    for (const [selector, [key]] of Object.entries(FIELDS)) {
      const field = find(selector);
      const value = String(state[key] ?? "");
      if (field.value !== value && (field !== document.activeElement || field.tagName === "SELECT")) field.value = value;
    }
    if (find("#seed") !== document.activeElement) find("#seed").value = state.seed;
    for (const part of document.querySelectorAll("[data-for]")) part.hidden = !part.dataset.for.split(" ").includes(state.kind);
    for (const one of document.querySelectorAll("[data-patch]")) one.setAttribute("aria-pressed", state.on && one.dataset.patch === String(state.patch));
    const lrp = state.method === "lrp";
    for (const part of document.querySelectorAll(".of-lrp")) part.hidden = !lrp;
    find(".of-gamma").hidden = !lrp || (settings.composites[state.composite] ?? null) === null;
    say(find("#gamma-value"), number(state.gamma));
    const { count, wrong } = albumOf(state.class);
    say(find("#place"), [text("place", { place: state.place + 1, count }), !wrong ? "" : wrong === 1 ? text("place_wrong_one") : text("place_wrong", { wrong })].join(". "));
  }

  return { name, show };
}
