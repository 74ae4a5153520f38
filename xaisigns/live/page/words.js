// Texts, names and numbers in the language of the page.

let spoken = {};

export function speak(language) {
  spoken = language;
}

export function text(key, blanks = {}) {
  return (spoken.texts[key] ?? key).replace(/\{(\w+)\}/g, (all, name) => blanks[name] ?? all);
}

// A class as the model at this place among the models calls it.
export const className = (id, place = 0) => spoken.classes[place][id] ?? String(id);

// Ids and names of the classes that all models have; none where they call them differently.
export function sharedClasses() {
  const [first, ...others] = spoken.classes;
  const alike = others.every((names) => String(names) === String(first));
  return alike ? first.map((name, id) => [id, name]) : [];
}


export const signName = (id) => spoken.signs[id] ?? className(id);
export const methodName = (name) => spoken.methods[name] ?? name;
export const findings = () => spoken.findings;

const written = (digits) => digits.replace(".", spoken.decimal);

export function percent(share) {
  const hundred = 100 * share;
  const digits = hundred >= 99.95 || hundred === 0 ? 0 : 1;
  return `${written(hundred.toFixed(digits))}${spoken.percent}`;
}

export const number = (value) => written(String(Number(value.toPrecision(3)))).replace("-", "−");

// Let an element read so; one that does already is left alone, since to lay the page out takes time.
export function say(element, told) {
  if (element.textContent !== told) element.textContent = told;
}

// Every element says by its data-text, or its data-label, what it reads, or is called.
export function label(within) {
  for (const one of within.querySelectorAll("[data-text]")) one.textContent = text(one.dataset.text);
  for (const one of within.querySelectorAll("[data-label]")) one.setAttribute("aria-label", text(one.dataset.label));
}
