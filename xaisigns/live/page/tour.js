// The tour: six states of the page, each with a text.

import { say, text } from "./words.js";

const ON_THE_SIGN = { on: true, x: 0.4, y: 0.64, size: 0.28 };
const FIFTY = { class: 2, seed: 1132 };
const STEPS = [
  FIFTY,
  { ...FIFTY, ...ON_THE_SIGN },
  { ...FIFTY, ...ON_THE_SIGN, target: 4 }, // the 70, whatever it says
  { class: 14, seed: 126, ...ON_THE_SIGN },
  { class: 4, seed: 1132 },
  { ...FIFTY, ...ON_THE_SIGN },
];

export const ENDED = { step: 0, target: null };

const find = (selector) => document.querySelector(selector);

// `go` takes what a step is on top of the start, its number among it.
export function tour(go) {
  const step = (number) => go({ ...STEPS[number - 1], step: number });
  let now = 0;
  find("#tour-start").addEventListener("click", () => step(1));
  find("#tour-back").addEventListener("click", () => step(Math.max(1, now - 1)));
  find("#tour-next").addEventListener("click", () => (now < STEPS.length ? step(now + 1) : go(ENDED, true)));
  find("#tour-close").addEventListener("click", () => go(ENDED, true));

  // Show the step that the page is at, none for 0.
  return (number) => {
    const at = number <= STEPS.length ? number : 0;
    const moved = at !== now;
    now = at;
    if (!at && document.activeElement?.closest("#tour")) find("#sign").focus({ preventScroll: true });
    find("#tour").hidden = !at;
    document.body.dataset.step = at;
    if (!at) return;
    say(find("#tour-count"), text("tour_count", { step: at, steps: STEPS.length }));
    say(find("#tour-title"), text(`tour_${at}`));
    say(find("#tour-text"), text(`tour_${at}_text`));
    find("#tour-back").disabled = at === 1;
    say(find("#tour-next"), text(at === STEPS.length ? "tour_end" : "tour_next"));
    if (moved && document.activeElement?.closest("#tour, header")) find("#tour-title").focus({ preventScroll: true });
  };
}
