// The line to the server: one question at a time, and of those that wait only the newest.

const LATER = 1000; // milliseconds until the next try
const LATER_IF_FULL = 10000;
const FULL = 1013; // with which the server closes where all places are taken

export class Line {
  #socket = null;
  #ready = false;
  #waiting = null; // makes the newest question
  #asked = null; // the number of the question that is being answered
  #number = 0;

  // `met` is waited for at each new connection before anything is asked.
  constructor(hear, met, changed) {
    Object.assign(this, { hear, met, changed });
    this.#open();
  }

  // `make` gives the message for a number; it is called when the line is free. With null nothing waits.
  ask(make) {
    this.#waiting = make;
    this.#next();
  }

  // Beside the questions: a file, or a wish for files, which is made for its number. Gives the number, 0 where it is lost.
  send(content) {
    if (!this.#ready || this.#socket.readyState !== WebSocket.OPEN) return 0;
    this.#number += 1;
    this.#socket.send(typeof content === "function" ? JSON.stringify(content(this.#number)) : content);
    return this.#number;
  }

  #open() {
    const address = new URL("talk", location.href.split("#")[0]);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(address);
    this.#socket = socket;
    this.#ready = false;
    socket.onopen = async () => {
      await this.met();
      if (socket.readyState !== WebSocket.OPEN) return;
      this.#ready = true;
      this.#asked = null;
      this.changed("open");
      this.#next();
    };
    socket.onclose = ({ code }) => {
      this.changed(code === FULL ? "full" : "lost");
      setTimeout(() => this.#open(), code === FULL ? LATER_IF_FULL : LATER);
    };
    socket.onmessage = (event) => {
      const told = JSON.parse(event.data);
      const answers = told.kind === "answer" || told.kind === "error";
      if (answers && (told.number === null || told.number === this.#asked)) {
        this.#asked = null;
        this.#next(); // so that the server works while the answer is drawn
      }
      this.hear(told);
    };
  }

  #next() {
    if (this.#asked !== null || this.#waiting === null || !this.#ready || this.#socket.readyState !== WebSocket.OPEN) return;
    const make = this.#waiting;
    this.#waiting = null;
    this.#asked = ++this.#number;
    this.#socket.send(JSON.stringify(make(this.#asked)));
  }
}
