// What one model says, as one section of the page.

import { className, label, number, percent, say, text } from "./words.js";

const LEVELS = 127;
const OPACITY = 0.8; // what makes a share of the scale opacity: faint relevance shows a little more

const bytesOf = ({ values }) => Uint8Array.from(atob(values), (letter) => letter.charCodeAt(0));

// The colour of each value, by its place in 0..255 as an unsigned byte: made once.
const table = (colour) => new Uint32Array(new Uint8ClampedArray([...Array(256).keys()].flatMap((byte) => colour(byte < 128 ? byte : byte - 256))).buffer);

// Red for, blue against, white in between.
const COLOURS = table((value) => {
  const pale = 255 * (1 - Math.abs(value) / LEVELS);
  return [value < 0 ? pale : 255, pale, value > 0 ? pale : 255, 255];
});
const VEIL = table((value) => [value > 0 ? 255 : 0, 0, value < 0 ? 255 : 0, 255 * (Math.abs(value) / LEVELS) ** OPACITY]);

function drawMap(canvas, { width, height }, bytes, colours) {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const image = new ImageData(width, height);
  new Uint32Array(image.data.buffer).set(Uint32Array.from(bytes, (byte) => colours[byte]));
  canvas.getContext("2d").putImageData(image, 0, 0);
}

export class Answer {
  #said = null; // the class that it said last

  constructor(name, place, alone) {
    Object.assign(this, { name, alone, called: (id) => className(id, place) });
    this.section = document.querySelector("#answer").content.cloneNode(true).firstElementChild;
    this.find = (selector) => this.section.querySelector(selector);
    label(this.section);
    this.find(".who").textContent = this.alone ? text("answer_title") : text("answer_title_of", { model: this.name });
  }

  // `wanted` is the state that was asked about. Gives "flip" where the answer is another than before,
  // "new" where it is the first about its picture.
  show(answer, plain, wanted) {
    const [best] = answer.top;
    const painted = wanted.strokes.length > 0;
    const touched = wanted.on || painted;
    say(this.find(".verdict"), this.called(best.id));
    const flipped = touched && best.id !== plain.id;
    this.section.classList.toggle("flipped", flipped);
    this.#tellFlip(flipped, plain, touched, painted);
    this.#drawBars(answer.top);
    const bytes = bytesOf(answer.heatmap);
    drawMap(this.find(".heat"), answer.heatmap, bytes, COLOURS);
    drawMap(this.find(".veil"), answer.heatmap, bytes, VEIL);
    this.#tellWhy(answer);
    this.#drawLayer(answer.layer);
    const before = this.#said;
    this.#said = best.id;
    if (before === best.id) return "";
    return before === null ? "new" : "flip";
  }

  // What a screen reader is told of another answer.
  heard([best]) {
    return text("heard_flip", { model: this.alone ? text("the_network") : this.name, name: this.called(best.id), share: percent(best.probability) });
  }

  forget() {
    this.#said = null;
  }

  // The sign in grey below the heatmap, and where the sticker is.
  drawBelow(sign) {
    sign.drawOn(this.find(".base"));
    const canvas = this.find(".edge");
    const pen = canvas.getContext("2d");
    pen.clearRect(0, 0, canvas.width, canvas.height);
    const edge = sign.path(canvas.width);
    if (!edge) return;
    pen.setLineDash([5, 4]);
    pen.stroke(edge);
  }

  #tellFlip(flipped, plain, touched, painted) {
    const line = this.find(".flip");
    const told = [painted, flipped ? `${plain.id} ${plain.probability}` : touched].join(" ");
    if (line.dataset.told === told) return;
    line.dataset.told = told;
    line.replaceChildren();
    if (flipped) {
      const mark = document.createElement("strong");
      mark.textContent = text("flipped");
      line.append(mark, " ", text(painted ? "flipped_from_painted" : "flipped_from", { name: this.called(plain.id), share: percent(plain.probability) }));
    } else line.textContent = text(painted ? "unflipped_painted" : touched ? "unflipped" : "untouched");
  }

  #drawBars(top) {
    const bars = this.find(".bars");
    while (bars.children.length < top.length) {
      const bar = document.createElement("li");
      bar.append(...["name", "share", "length"].map((name) => Object.assign(document.createElement("span"), { className: name })));
      bars.append(bar);
    }
    top.forEach(({ id, probability }, place) => {
      const [name, share, length] = bars.children[place].children;
      say(name, this.called(id));
      say(share, percent(probability));
      length.style.setProperty("--share", probability);
    });
  }

  #tellWhy({ target, against, inside, area, heatmap }) {
    const name = this.called(target);
    const key = against === null ? "asked" : against === target ? "asked_same" : against === "rest" ? "asked_rest" : "asked_against";
    say(this.find(".asked"), text(key, { name, other: this.called(against) }));
    const known = inside !== null && area !== null;
    say(this.find(".inside"), known ? text("inside", { share: percent(inside), area: percent(area) }) : "");
    const told = known ? text("heatmap_label", { percent: percent(inside), name }) : text("heatmap_label_plain", { name });
    this.find(".heat").setAttribute("aria-label", told);
    say(this.find(".ends"), text("scale_ends", { limit: number(heatmap.limit) }));
  }

  #drawLayer(layer) {
    const part = this.find(".layer");
    part.hidden = !layer;
    if (!layer) return;
    this.find(".layer-name").textContent = text("channels", { layer: layer.layer });
    const canvas = this.find(".layer-map");
    canvas.hidden = !layer.map;
    if (layer.map) drawMap(canvas, layer.map, bytesOf(layer.map), COLOURS);
    canvas.setAttribute("aria-label", text("layer_map", { layer: layer.layer }));
    const most = Math.max(...layer.channels.map(({ relevance }) => Math.abs(relevance)), 1e-12);
    this.find(".channels").replaceChildren(...layer.channels.map(({ channel, relevance }) => {
      const row = document.createElement("li");
      row.className = relevance > 0 ? "for" : "against";
      row.style.setProperty("--share", Math.abs(relevance) / most);
      row.textContent = `${text("channel", { number: channel })}: ${number(relevance)}`;
      return row;
    }));
  }
}
