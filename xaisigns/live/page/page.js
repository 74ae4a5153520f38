// The page: puts its parts together around one state.

import { Answer } from "./answer.js";
import { keeping } from "./keeping.js";
import { Line } from "./line.js";
import { panels } from "./panels.js";
import { Sign } from "./sign.js";
import { START, fromHash, isFull, message, pictureKey, toHash } from "./state.js";
import { ENDED, tour } from "./tour.js";
import { Waiting } from "./waiting.js";
import { label, number, say, speak, text } from "./words.js";

const find = (selector) => document.querySelector(selector);
const hundred = (share) => Math.round(100 * share);
const bitmap = (base64) => createImageBitmap(blobOf(base64));
const blobOf = (base64) => new Blob([Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))], { type: "image/png" });
const ADDRESS_AFTER = 250; // milliseconds of rest: browsers count how often an address changes

const MEASURES = 1000; // of how long answers take, that are kept

const settings = await (await fetch("settings.json")).json();
const patches = await Promise.all(settings.patches.map(bitmap));
const remembered = (key) => { try { return localStorage.getItem(`xaisigns-${key}`); } catch { return null; } };
const remember = (key, value) => { try { localStorage.setItem(`xaisigns-${key}`, value); } catch { /* a page that may not */ } };

let state = fromHash(location.hash, settings);
const chosen = `language-${settings.language}`; // what was chosen in place of the server's own
let language = remembered(chosen) in settings.languages ? remembered(chosen) : settings.language;
let sending = null; // the file that the visitor has just chosen
let own = null; // the one that the server took, for one that has lost it
let ownNumber = 0;
let picture = null; // the key of the one that is shown
const asked = new Map(); // what is being answered by its number: its state, and since when
let later = 0;
let answers = [];
let last = null; // what was told last: of which state, and of which picture

const waiting = new Waiting(find("#answers"));

const read = () => state;
const sign = new Sign(find("#sign"), read, change, patches);
const controls = panels(settings, patches, read, change, upload);
const showStep = tour(go);
const line = new Line(inOrder, met, changed);
const kept = keeping(read, (wanted) => line.send((itsNumber) => ofServer(wanted, itsNumber, "files")), blobOf);
let hearing = Promise.resolve();

// Every change of the state comes by here; `event` is what the time to the picture is measured from.
function change(found, event, byKey = false) {
  const since = event?.timeStamp ?? performance.now();
  const before = pictureKey(state, ownNumber);
  state = { ...state, ...found };
  if (pictureKey(state, ownNumber) !== before) anew("step" in found);
  if (found.step) use("move");
  if (awaitsPicture()) shown(null, null);
  show();
  if (byKey) tell(text("moved", { x: hundred(state.x), y: hundred(state.y), size: hundred(state.size), angle: state.angle }));
  ask(since);
}

// Another picture: what was said before is no flip. The tour speaks of its own pictures alone.
function anew(ofTour) {
  if (state.step && !ofTour) state = { ...state, ...ENDED };
  sign.ghost = null;
  forget();
}

function forget() {
  for (const answer of answers) answer.forget();
}

// A step of the tour has a place of its own in the browser's history: Back leads to the step before.
function go(found, stays) {
  history.replaceState(null, "", toHash(state));
  change(stays ? found : { ...START, opacity: state.opacity, ...found }, null);
  if (toHash(state) !== location.hash) history.pushState(null, "", toHash(state));
}

function use(tool) {
  sign.tool = tool;
  find(`[name=tool][value=${tool}]`).checked = true;
}

const awaitsPicture = () => state.kind === "own" && !ownNumber;

function shown(image, key) {
  sign.picture?.close();
  sign.picture = image;
  picture = key;
}

function ask(since = performance.now()) {
  if (awaitsPicture()) {
    waiting.ended();
    return line.ask(null); // nor what waits from before
  }
  const wanted = state;
  waiting.asked(wanted);
  line.ask((itsNumber) => {
    asked.set(itsNumber, { wanted, since, key: pictureKey(wanted, ownNumber) });
    return ofServer(wanted, itsNumber, "answer");
  });
}

function ofServer(wanted, itsNumber, wants) {
  const hasPicture = picture === pictureKey(wanted, ownNumber);
  return message(wanted, settings, { number: itsNumber, wants, language, own: ownNumber, hasPicture });
}

// One message after the other, since to read a picture takes time.
function inOrder(told) {
  hearing = hearing.then(() => hear(told)).catch(reportError);
}

async function hear(told) {
  if (told.kind === "taken") {
    ownNumber = told.number;
    if (sending || state.kind === "own") change({ kind: "own" }, null);
    own = sending ?? own;
    sending = null;
    return;
  }
  if (told.kind === "files") return kept.awaits(told.number) ? kept.show(told) : undefined;
  const { wanted, since, key } = asked.get(told.number) ?? {};
  asked.delete(told.number);
  if (told.kind === "error") {
    const reason = text("not_taken", { reason: told.key ? text(told.key, told.blanks) : told.text });
    if (kept.awaits(told.number)) return kept.refused(reason);
    trouble(reason);
    if (told.number === null && sending) sending = null; // a file that is refused: what is shown is true still
    else {
      waiting.answered(wanted);
      outdated(true);
    }
    return;
  }
  if (!wanted) return; // asked on a line that is lost
  const current = () => key === pictureKey(state, ownNumber);
  const image = told.picture && current() ? await bitmap(told.picture) : null;
  if (!current()) return; // it is about a picture that is no longer wanted
  if (image) shown(image, key);
  if (key !== picture) return ask(); // the page has another picture by now
  trouble("");
  outdated(false);
  find("#answers").hidden = false;
  last = { told, wanted, key };
  if (tellLast().includes("flip") && wanted.on) sign.ghost = wanted;
  sign.draw();
  waiting.answered(wanted);
  document.body.dataset.answer = told.number;
  if (told.number % MEASURES === 0) performance.clearMeasures();
  requestAnimationFrame(() => performance.measure("answer", { start: since, end: performance.now() }));
}

// Gives what is new in each answer.
function tellLast() {
  const { told, wanted } = last;
  const news = told.answers.map((answer, place) => answers[place].show(answer, told.plain[place], wanted));
  const heard = told.answers.flatMap((answer, place) => (news[place] ? answers[place].heard(answer.top) : []));
  if (heard.length) tell(heard.join(" "));
  for (const answer of answers) answer.drawBelow(sign);
  return news;
}

function show() {
  sign.draw();
  controls.show();
  showStep(settings.tour ? state.step : 0);
  say(find("#sticker"), text(state.on ? "take_off" : "put_on"));
  if (awaitsPicture()) find("#answers").hidden = true;
  if (document.activeElement === find("#wipe") && !state.strokes.length) find("#sticker").focus();
  find("#wipe").hidden = !state.strokes.length;
  say(find("#sign-help"), text(help()));
  for (const slider of document.querySelectorAll(".opacity")) slider.value = state.opacity;
  document.documentElement.style.setProperty("--opacity", state.opacity);
  clearTimeout(later);
  later = setTimeout(() => history.replaceState(null, "", toHash(state)), ADDRESS_AFTER);
}

function help() {
  if (awaitsPicture()) return "own_waiting";
  if (sign.tool !== "move" && isFull(state.strokes)) return "paint_full";
  if (sign.tool !== "move") return `sign_help_${sign.tool}`;
  if (!state.on) return "sign_help_none";
  return matchMedia("(pointer: coarse)").matches ? "sign_help_touch" : "sign_help";
}

function tell(said) {
  find("#heard").textContent = said;
}

function trouble(said) {
  find("#trouble").hidden = !said;
  say(find("#trouble"), said);
}

// What is shown is no longer true, and nothing better is on its way.
function outdated(so) {
  find("#answers").classList.toggle("stale", so);
}

// The server may be another than before, with other models and pictures: then all begins anew.
async function met() {
  picture = null;
  ownNumber = 0;
  asked.clear();
  const found = await fetch("settings.json").then((answer) => answer.json()).catch(() => settings);
  if (found.exhibit === settings.exhibit) return;
  location.reload();
  await new Promise(() => {});
}

// `how` is "open", or why the line is not: a key of the texts.
function changed(how) {
  if (how !== "open") {
    kept.lost(text(how));
    waiting.ended();
    outdated(true);
    return trouble(text(how));
  }
  trouble("");
  outdated(false);
  if (sending ?? own) line.send(sending ?? own);
  kept.again();
  ask();
}

function upload(file) {
  if (file.size > settings.largest_file) {
    trouble(text("own_large", { size: number(Math.ceil(file.size / 1e5) / 10), most: number(settings.largest_file / 1e6) }));
    return;
  }
  sending = file;
  line.send(file);
}

function name() {
  speak(settings.languages[language]);
  document.documentElement.lang = language;
  document.title = text("title");
  label(document.body);
  answers = settings.models.map((model, place) => new Answer(model.name, place, settings.models.length === 1));
  find("#stage").classList.toggle("several", answers.length > 1);
  find("#answers").replaceChildren(...answers.map((answer) => answer.section));
  for (const slider of document.querySelectorAll(".opacity")) {
    slider.addEventListener("input", () => { state = { ...state, opacity: Number(slider.value) }; show(); });
  }
  controls.name();
  show();
  if (last) tellLast();
  if (last?.key !== pictureKey(state, ownNumber)) forget();
}

function start() {
  find("#language").replaceChildren(...Object.entries(settings.languages).map(([code, { texts }]) => new Option(texts.language_name, code)));
  find("#language").value = language;
  find("#language").addEventListener("input", (event) => {
    language = event.target.value;
    remember(chosen, language);
    name();
  });
  const theme = (chosen) => { document.documentElement.dataset.theme = chosen; };
  find("#theme").value = remembered("theme") ?? "";
  theme(find("#theme").value);
  find("#theme").addEventListener("input", (event) => { theme(event.target.value); remember("theme", event.target.value); });
  for (const tool of document.querySelectorAll("[name=tool]")) {
    tool.addEventListener("input", () => { sign.tool = tool.value; show(); });
  }
  find("#width").value = sign.width;
  find("#width").addEventListener("input", (event) => { sign.width = Number(event.target.value); });
  find("#ink").value = sign.ink;
  find("#ink").addEventListener("input", (event) => { sign.ink = event.target.value; });
  find("#sticker").addEventListener("click", (event) => change({ on: !state.on }, event));
  find("#wipe").addEventListener("click", (event) => change({ strokes: [] }, event));
  find(".skip").addEventListener("click", (event) => {
    event.preventDefault(); // the address is the state's
    find("#sign").focus();
  });
  addEventListener("hashchange", () => {
    const found = fromHash(location.hash, settings);
    if (toHash(found) !== toHash(state)) change(found, null);
  });
  find("#tour-start").hidden = !settings.tour;
  if (settings.tour && !location.hash) state = { ...state, step: 1 };
  name();
}

start();
ask();
