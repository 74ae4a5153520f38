// Marks the answers as being made where the one that is wanted is late.

const LATE = 300; // milliseconds without any answer: while a drag is followed nothing is marked

export class Waiting {
  #timer = 0;
  #wanted = null; // the newest state that was asked about

  constructor(element) {
    this.element = element;
  }

  asked(state) {
    this.#wanted = state;
    this.#timer ||= setTimeout(() => this.#mark(true), LATE);
  }

  // An answer about this state is shown.
  answered(state) {
    if (state === this.#wanted) return this.ended();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#mark(true), LATE);
  }

  // Nothing is waited for any more.
  ended() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#wanted = null;
    this.#mark(false);
  }

  #mark(busy) {
    // What says so already is left alone, since to style the page anew takes time.
    if (this.element.getAttribute("aria-busy") !== String(busy)) this.element.setAttribute("aria-busy", busy);
  }
}
