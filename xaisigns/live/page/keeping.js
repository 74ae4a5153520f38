// What one takes home: the dialogue that waits for the files, and gives them and their command.

import { toHash } from "./state.js";
import { say, text } from "./words.js";

const find = (selector) => document.querySelector(selector);

// `read` gives the state; `ask` asks for the files of one and gives the question's number, 0 where the line is lost.
export function keeping(read, ask, blobOf) {
  let awaited = null; // what files are awaited of: its number and state
  const waiting = (told) => say(find("#kept-waiting"), told);

  function wish(wanted) {
    awaited = { number: ask(wanted), wanted };
    waiting(text(awaited.number ? "keep_waiting" : "lost"));
  }

  function show({ sign, picture, command }) {
    find("#kept-waiting").hidden = true;
    find("#kept-files").hidden = false;
    for (const [selector, content] of [["#kept-sign", sign], ["#kept-picture", picture]]) {
      URL.revokeObjectURL(find(selector).href);
      find(selector).href = URL.createObjectURL(blobOf(content));
    }
    find("#kept-command").textContent = command;
    find("#link").hidden = awaited.wanted.kind === "own"; // which only this page has
    find("#link").href = location.pathname + toHash(awaited.wanted);
    awaited = null;
  }

  find("#keep").addEventListener("click", () => {
    find("#kept-waiting").hidden = false;
    find("#kept-files").hidden = true;
    find("#kept").showModal();
    find("#copied").textContent = "";
    wish(read());
  });
  find("#kept-close").addEventListener("click", () => find("#kept").close());
  find("#kept").addEventListener("close", () => { awaited = null; });
  find("#copy").addEventListener("click", async () => {
    const command = find("#kept-command");
    try {
      await navigator.clipboard.writeText(command.textContent);
      find("#copied").textContent = text("copied");
    } catch { // which not every browser, nor every frame, may
      getSelection().selectAllChildren(command);
      find("#copied").textContent = text("copy_yourself");
    }
  });

  return {
    awaits: (number) => number !== null && number === awaited?.number,
    show,
    refused(reason) {
      awaited = null;
      waiting(reason);
    },
    lost(reason) {
      if (awaited) waiting(reason);
    },
    again() {
      if (awaited) wish(awaited.wanted);
    },
  };
}
