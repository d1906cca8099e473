// The score microscope of the page Explorer: the scores of one head, taken apart into four terms.

import { encode } from "./encoding.js";
import { ramp } from "./ramp.js";
import { say } from "./words.js";

const WIDTH = 64, LONGEST = 14, UNKNOWN = "…";
const TERMS = [say("word · word"), say("word · position"), say("position · word"), say("position · position")];
const page = document.querySelector(".microscope"), load = page.querySelector(".load");
const $ = (id) => document.getElementById(id);

load.addEventListener("click", async () => {
  load.disabled = true;
  const reply = await fetch(new URL("heads.json", import.meta.url)).catch(() => ({}));
  if (!reply.ok) {
    load.disabled = false;
    load.textContent = say("The heads could not be loaded; try again");
    return;
  }
  start(await reply.json());
});

function start({ unit, words, vectors, heads, causal }) {
  const numbers = (text) => Float64Array.from(new Int16Array(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer), (n) => n / unit);
  const row = (table, n) => table.subarray(n * WIDTH, (n + 1) * WIDTH);
  const embedding = numbers(vectors), matrices = Object.fromEntries(Object.entries(heads).map(([name, text]) => [name, numbers(text)]));
  const view = { head: "trained", text: ["the", "value", "of", "the", "attribute", "is", "the", "name", "of", "the", "class"], first: 0, from: 8, to: 5 };
  let maps = []; // the score and its four terms, a line for each word that looks

  page.append(page.querySelector("template").content);
  load.remove();
  const cells = [...page.querySelectorAll(".cells")];
  const canvases = cells.map((cell) => {
    const canvas = document.createElement("canvas");
    canvas.setAttribute("role", "img");
    cell.append(canvas, Object.assign(document.createElement("i"), { className: "mark" }));
    return canvas;
  });
  $("score-words").value = view.text.join(" ");
  page.querySelector(".known").textContent = words.filter((word) => word !== UNKNOWN).sort().join(" ");

  // What is computed: queries and keys are words or rows, and each line is without its mean, which the softmax ignores.

  const product = (x, y) => x.reduce((sum, value, k) => sum + value * y[k], 0);
  const through = (x, matrix) => Float64Array.from(x, (_, k) => x.reduce((sum, value, j) => sum + value * matrix[j * WIDTH + k], 0));
  const sees = (m, n) => !causal.includes(view.head) || n <= m;

  function terms() {
    const matrix = matrices[view.head];
    const parts = [
      view.text.map((word) => row(embedding, words.indexOf(word))),
      view.text.map((_, n) => encode(view.first + n, WIDTH, 10000, "interleaved")),
    ];
    const queries = parts.map((part) => part.map((x) => through(x, matrix)));
    const four = [[0, 0], [0, 1], [1, 0], [1, 1]].map(([a, b]) => queries[a].map((query, m) => {
      const line = parts[b].map((key, n) => (sees(m, n) ? product(query, key) : NaN)), seen = line.filter((value) => !Number.isNaN(value));
      const mean = seen.reduce((sum, value) => sum + value, 0) / seen.length;
      return line.map((value) => value - mean);
    }));
    return [four[0].map((line, m) => line.map((_, n) => four.reduce((sum, map) => sum + map[m][n], 0))), ...four];
  }

  // What is drawn of it. ---------------------------------------------------------------------------------------------

  const shown = (value, digits = 2) => value.toFixed(digits).replace("-", "−");
  const named = (n) => say("“{0}” ({1})", view.text[n], view.first + n);

  function draw() {
    const size = view.text.length, limit = Math.max(1e-9, ...maps.flat(2).filter((value) => !Number.isNaN(value)).map(Math.abs));
    canvases.forEach((canvas, k) => {
      canvas.width = canvas.height = size;
      const colours = maps[k].flat().map((value) => (Number.isNaN(value) ? 0 : ramp[Math.min(255, ((value / limit) * 127.5 + 128) | 0)]));
      canvas.getContext("2d").putImageData(new ImageData(new Uint8ClampedArray(Uint32Array.from(colours).buffer), size), 0, 0);
      const line = maps[k][view.from], best = line.reduce((most, value, n) => (value > line[most] || Number.isNaN(line[most]) ? n : most), 0);
      canvas.setAttribute("aria-label", say("{0} of {1} words; {2} has the largest for {3}, {4}.", [say("score"), ...TERMS][k], size, named(view.from), named(best), shown(line[best])));
      Object.assign(cells[k].querySelector(".mark").style, {
        left: `${(100 * view.to) / size}%`, top: `${(100 * view.from) / size}%`, width: `${100 / size}%`, height: `${100 / size}%`,
      });
    });
    page.querySelector(".frame ol").replaceChildren(...view.text.map((word, n) => {
      const item = Object.assign(document.createElement("li"), { textContent: word });
      item.classList.toggle("chosen", n === view.from || n === view.to);
      return item;
    }));
    const four = TERMS.map((name, k) => `${name} ${shown(maps[k + 1][view.from][view.to])}`).join(say(", "));
    const seen = sees(view.from, view.to), total = seen && shown(maps[0][view.from][view.to]);
    const score = seen ? say("score {0} = {1}", total, four) : say("not seen: the model reads from left to right");
    $("score-pair").textContent = say("{0} looks at {1}: {2}. Full colour is ±{3}.", named(view.from), named(view.to), score, shown(limit));
    page.querySelector("tbody").replaceChildren(...view.text.flatMap((_, n) => {
      if (!sees(view.from, n)) return [];
      const line = document.createElement("tr");
      line.append(...[named(n), ...[1, 2, 3, 4, 0].map((k) => shown(maps[k][view.from][n], 6))].map((text) =>
        Object.assign(document.createElement("td"), { textContent: text })));
      return [line];
    }));
    page.querySelector(".exchange").disabled = view.from === view.to;
    for (const id of ["score-first", "score-box"]) if ($(id) !== document.activeElement || $(id).valueAsNumber !== view.first) $(id).value = view.first;
  }

  let saying;
  /** Take over a change, and tell those who do not see it once it has come to rest. */
  function change(changed, isOnlyMark = false) {
    Object.assign(view, changed);
    const last = view.text.length - 1;
    [view.from, view.to] = [view.from, view.to].map((n) => Math.max(0, Math.min(last, n)));
    if (!isOnlyMark) maps = terms();
    draw();
    clearTimeout(saying);
    saying = setTimeout(() => { page.querySelector("[role=status]").textContent = $("score-pair").textContent; }, 700);
  }

  // What moves it. -----------------------------------------------------------------------------------------------------

  $("score-head").addEventListener("change", (event) => change({ head: event.target.value }));
  $("score-words").addEventListener("input", (event) => {
    const asked = event.target.value.toLowerCase().split(/\s+/).filter(Boolean), unknown = asked.filter((word) => !words.includes(word));
    const notes = [];
    if (unknown.length) notes.push(say("Not among the words of the model, so read as …: {0}.", unknown.join(", ")));
    if (asked.length > LONGEST) notes.push(say("Only the first {0} words are shown.", LONGEST));
    $("score-known").textContent = notes.join(" ");
    if (asked.length) change({ text: asked.slice(0, LONGEST).map((word) => (words.includes(word) ? word : UNKNOWN)) });
  });
  for (const id of ["score-first", "score-box"])
    $(id).addEventListener("input", ({ target }) => target.validity.valid && target.value && change({ first: target.valueAsNumber }));
  page.querySelector(".exchange").addEventListener("click", () => {
    const text = [...view.text];
    [text[view.from], text[view.to]] = [text[view.to], text[view.from]];
    $("score-words").value = text.join(" ");
    change({ text });
  });
  cells[0].addEventListener("keydown", (event) => {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    change({ from: view.from + step[0], to: view.to + step[1] }, true);
  });
  for (const cell of cells)
    cell.addEventListener("click", (event) => {
      const box = cell.getBoundingClientRect(), at = (part) => Math.floor(part * view.text.length);
      change({ from: at((event.clientY - box.top) / box.height), to: at((event.clientX - box.left) / box.width) }, true);
    });

  change({});
  cells[0].focus();
}
