// What scripts say, in the language of the page: where that is not English, the page has the words.

const said = JSON.parse(document.getElementById("said")?.textContent ?? "{}");

/** A text with values in the places of {0}, {1}, … */
export const say = (text, ...values) => (said[text] ?? text).replace(/\{(\d)\}/g, (_, n) => values[n]);
