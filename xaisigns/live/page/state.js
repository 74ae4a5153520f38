// What the page shows, all of it, and how it stands in the address.

export const START = Object.freeze({
  kind: "drawn", class: 2, seed: 1132, place: 0,
  on: false, x: 0.4, y: 0.64, size: 0.28, angle: 0, colour: "#0e0e10", shape: "rectangle", patch: null,
  strokes: [],
  method: "lrp", composite: "epsilon_gamma_box", gamma: 0.05, target: null, against: null, layer: null,
  opacity: 0.8, step: 0,
});

const MOST_STROKES = 200; // as the server takes
const MOST_POINTS = 5000; // of all strokes together
export const LONGEST_STROKE = 400; // points

const WHOLE = new Set(["class", "seed", "place", "patch", "target", "step"]);
const SHARES = new Set(["x", "y", "size", "opacity"]);
const CHOICES = { kind: ["drawn", "stored", "own"], shape: ["rectangle", "ellipse"] };

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
export const rounded = (value) => Math.round(value * 1000) / 1000;

// Strokes as letters: what, colour, width, then points, each share as three digits of base 36.
const three = (share) => Math.round(clamp(share, 0, 1) * 46655).toString(36).padStart(3, "0");
const share = (digits) => rounded(parseInt(digits, 36) / 46655);

function strokeText({ erases, colour, width, points }) {
  return (erases ? "e" : "b") + colour.slice(1) + three(width) + points.map(([x, y]) => three(x) + three(y)).join("");
}

function strokeOf(letters) {
  if (!/^[be][0-9a-f]{6}[0-9a-z]{3}([0-9a-z]{6})+$/.test(letters)) return null;
  const points = letters.slice(10).match(/.{6}/g).map((pair) => [share(pair.slice(0, 3)), share(pair.slice(3))]);
  return { erases: letters[0] === "e", colour: `#${letters.slice(1, 7)}`, width: clamp(share(letters.slice(7, 10)), 0.005, 0.5), points };
}

export function toHash(state) {
  const found = new URLSearchParams();
  for (const [key, exact] of Object.entries(state)) {
    const value = typeof exact === "number" ? rounded(exact) : exact;
    if (key === "strokes" || value === START[key] || value === null) continue;
    found.set(key, value === true ? 1 : value);
  }
  if (state.strokes.length) found.set("strokes", state.strokes.map(strokeText).join("."));
  return `#${String(found) || "step=0"}`; // an empty address opens the tour
}

// What an address does not say, or says in a way that makes no sense here, is as at the start.
export function fromHash(hash, settings) {
  const found = { ...START };
  for (const [key, value] of new URLSearchParams(hash.slice(1))) {
    if (!Object.hasOwn(START, key) || value === "") continue;
    if (key === "strokes") found.strokes = bounded(value.split(".").map(strokeOf).filter(Boolean));
    else if (key in CHOICES) found[key] = CHOICES[key].includes(value) ? value : START[key];
    else if (key === "on") found.on = value === "1";
    else if (key === "colour") found.colour = /^#[0-9a-f]{6}$/.test(value) ? value : START.colour;
    else if (key === "against") found.against = value === "rest" ? value : whole(value, START.against);
    else if (WHOLE.has(key)) found[key] = whole(value, START[key]);
    else if (SHARES.has(key)) found[key] = real(value, key === "size" ? 0.02 : 0, 1, START[key]);
    else if (key === "angle") found.angle = real(value, -180, 180, 0);
    else if (key === "gamma") found.gamma = real(value, 0, 10, START.gamma);
    else found[key] = value;
  }
  return { ...found, ...unknown(found, settings) };
}

// What a state says and the server does not have, put right: a link may be of another server, with other models and pictures.
function unknown({ kind, class: id, place, method, composite, target, against, layer, patch }, settings) {
  const { album, drawn } = settings;
  const classes = Math.min(...settings.models.map((model) => model.classes));
  const found = {};
  if (kind === "stored" && !album.length) found.kind = START.kind;
  else if (kind === "stored") {
    const stored = album.find((one) => one.id === id) ?? album[0];
    Object.assign(found, { class: stored.id, place: place < stored.count ? place : 0 });
  }
  if ((found.kind ?? kind) !== "stored" && !drawn.includes(id)) found.class = START.class;
  if (!settings.methods.includes(method)) found.method = START.method;
  if (!Object.hasOwn(settings.composites, composite)) Object.assign(found, { composite: START.composite, gamma: START.gamma });
  if (target >= classes) found.target = null;
  if (against >= classes) found.against = null; // "rest" is no number
  if (layer !== null && !settings.layers.includes(layer)) found.layer = null;
  if (patch >= settings.patches.length) found.patch = null;
  return found;
}

const pointsOf = (strokes) => strokes.reduce((sum, { points }) => sum + points.length, 0);

// Whether no further line fits on the sign, which has two points at least.
export const isFull = (strokes) => strokes.length >= MOST_STROKES || pointsOf(strokes) > MOST_POINTS - 2;

// Those that fit, from the first on.
function bounded(strokes) {
  const found = [];
  for (const stroke of strokes) {
    if (isFull(found) || stroke.points.length > LONGEST_STROKE || pointsOf([...found, stroke]) > MOST_POINTS) break;
    found.push(stroke);
  }
  return found;
}

const whole = (text, otherwise) => (/^\d{1,15}$/.test(text) ? Number(text) : otherwise);

function real(text, low, high, otherwise) {
  const value = Number(text);
  return Number.isFinite(value) ? clamp(value, low, high) : otherwise;
}

const levels = (colour) => [1, 3, 5].map((place) => parseInt(colour.slice(place, place + 2), 16));

// The message that the server takes of it.
export function message(state, settings, more) {
  const picture = {
    drawn: { kind: "drawn", class_id: state.class, seed: state.seed },
    stored: { kind: "stored", class_id: state.class, place: state.place },
    own: { kind: "own", number: more.own },
  }[state.kind];
  const { x, y, size, angle, shape, patch } = state;
  const lrp = state.method === "lrp";
  const gamma = lrp && (settings.composites[state.composite] ?? null) !== null;
  return {
    number: more.number, wants: more.wants, language: more.language, picture, has_picture: more.hasPicture,
    sticker: state.on ? { x: rounded(x), y: rounded(y), size: rounded(size), angle: rounded(angle), colour: levels(state.colour), shape, patch } : null,
    strokes: state.strokes.map((stroke) => ({ ...stroke, colour: levels(stroke.colour) })),
    question: {
      method: state.method, composite: lrp ? state.composite : null, gamma: gamma ? rounded(state.gamma) : null,
      target: state.target, against: state.against, layer: lrp ? state.layer : null,
    },
  };
}

export function pictureKey(state, own) {
  return state.kind === "own" ? `own ${own}` : [state.kind, state.class, state.kind === "drawn" ? state.seed : state.place].join(" ");
}
