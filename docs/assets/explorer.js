// The encoding in double precision and the page that shows it. No library, and nothing from elsewhere.

import { ramp } from "./ramp.js";

const LAYOUTS = {
  interleaved: (i, width) => [2 * i, 2 * i + 1],
  sin_cos: (i, width) => [i, i + width / 2],
  cos_sin: (i, width) => [i + width / 2, i],
};

/** Frequency of each pair, in radians per position. */
export const frequencies = (width, base) => Float64Array.from({ length: width / 2 }, (_, i) => base ** ((-2 * i) / width));

/** Positions per cycle of each pair. */
export const wavelengths = (width, base) => frequencies(width, base).map((w) => (2 * Math.PI) / w);

/** One row of the table. */
export function encode(position, width, base, layout) {
  const row = new Float64Array(width);
  frequencies(width, base).forEach((w, i) => {
    const [sine, cosine] = LAYOUTS[layout](i, width);
    row[sine] = Math.sin(position * w);
    row[cosine] = Math.cos(position * w);
  });
  return row;
}

/** Cosine similarity of two rows that stand `distance` positions apart. */
export const similarity = (distance, width, base) =>
  frequencies(width, base).reduce((sum, w) => sum + Math.cos(distance * w), 0) / (width / 2);

// A view, and what it may be. ------------------------------------------------------------------------------------

const DEFAULTS = { length: 32, width: 128, base: 10000, layout: "interleaved", position: 5, second: 12 };
const NUMBERS = ["length", "width", "base", "position", "second"];
const POSITIONS = ["position", "second"];
// The stops of the slider for the base: ten in each decade.
const BASES = [10, 100, 1e3, 1e4, 1e5].flatMap((k) => [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8].map((m) => Math.round(m * k))).concat(1e6);

const $ = (id) => document.getElementById(id);
const page = document.querySelector(".explorer");
const view = { ...DEFAULTS };
const chosen = {}; // positions, though the table may be too short for them while its length is typed
const boxes = Object.fromEntries(NUMBERS.map((name) => [name, page.querySelector(`[data-of=${name}]`)]));

const isValid = {
  length: (n) => Number.isInteger(n) && n >= 1 && n <= 1024,
  width: (n) => Number.isInteger(n) && n >= 2 && n <= 512 && n % 2 === 0,
  base: (n) => n >= 2 && n <= 1e6,
  layout: (name) => Object.hasOwn(LAYOUTS, name),
  position: (n) => Number.isInteger(n) && n >= 0 && n < view.length,
  second: (n) => Number.isInteger(n) && n >= 0 && n < view.length,
};

/** Take over what `query` asks for; what it leaves out or gets wrong is as at the start. */
function read(query) {
  const asked = new URLSearchParams(query);
  for (const name of Object.keys(DEFAULTS)) {
    const value = name === "layout" ? asked.get(name) : Number(asked.get(name));
    const initial = POSITIONS.includes(name) ? Math.min(DEFAULTS[name], view.length - 1) : DEFAULTS[name];
    view[name] = asked.has(name) && isValid[name](value) ? value : initial;
  }
  for (const name of POSITIONS) chosen[name] = view[name];
}

function change(name, value) {
  if (!isValid[name](value)) return;
  view[name] = value;
  if (POSITIONS.includes(name)) chosen[name] = value;
  for (const one of POSITIONS) view[one] = Math.min(chosen[one], view.length - 1);
  draw(...(POSITIONS.includes(name) ? ROWS : Object.keys(PARTS)));
}

// Drawing: at most once a frame, only what has changed, and first what is to be seen; the rest when there is time. ----------

const PARTS = {
  table: paintTable,
  waves: paintWavelengths,
  controls: paintControls,
  marks: paintMarks,
  position: paintPositions,
  clocks: paintClocks,
  numbers: paintNumbers,
  alike: paintSimilarity,
  view: paintProgram,
};
const ROWS = ["marks", "position", "clocks", "numbers", "alike", "view"];
const ALWAYS = new Set(["table", "controls", "marks"]); // cheap, or others need what they compute

const waiting = new Set(), seen = new Set(ALWAYS);
let next, later;
function draw(...parts) {
  parts.forEach((part) => waiting.add(part));
  next ??= requestAnimationFrame(() => paint((part) => seen.has(part)));
}

function paint(isWanted) {
  next = undefined;
  clearTimeout(later);
  for (const part of [...Object.keys(PARTS)].filter((part) => waiting.has(part) && isWanted(part))) {
    waiting.delete(part);
    PARTS[part]();
  }
  if (waiting.size) later = setTimeout(() => paint(() => true), 100);
}

const observer = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) seen[isIntersecting ? "add" : "delete"](target.id);
});
for (const part of Object.keys(PARTS)) if (!ALWAYS.has(part)) observer.observe($(part));

/** Touch the page only where it changes. */
const write = (node, text) => node.textContent === text || ((node.firstChild ?? node).textContent = text);
const set = (node, attributes) => {
  for (const [key, value] of Object.entries(attributes)) if (node.getAttribute(key) !== String(value)) node.setAttribute(key, value);
  return node;
};

let kappa = []; // similarity at distance 0, 1, 2, …
const canvas = $("table"), pixels = new Uint32Array(512 * 1024); // enough for the largest table
const frame = { width: 0, height: 0 };

function paintTable() {
  const { length, width, base, layout } = view;
  // Of the size of a power of two, and stretched: a new canvas at each step of a slider costs more than the table.
  const [across, down] = [width, length].map((size) => 2 ** Math.ceil(Math.log2(size)));
  if (canvas.width !== across || canvas.height !== down) [canvas.width, canvas.height] = [across, down];
  canvas.style.transform = `scale(${across / width}, ${down / length})`;
  kappa = new Float64Array(length);
  frequencies(width, base).forEach((w, i) => {
    const [left, right] = LAYOUTS[layout](i, width), stepSine = Math.sin(w), stepCosine = Math.cos(w);
    let sine = 0, cosine = 1;
    for (let p = 0, at = 0; p < length; p++, at += width) {
      // A shift is a rotation, so a row follows from the one before; now and then afresh, or errors would add up.
      if (p % 64 === 0) [sine, cosine] = [Math.sin(p * w), Math.cos(p * w)];
      pixels[at + left] = ramp[(sine * 127.5 + 128) | 0];
      pixels[at + right] = ramp[(cosine * 127.5 + 128) | 0];
      kappa[p] += cosine;
      const next = sine * stepCosine + cosine * stepSine;
      cosine = cosine * stepCosine - sine * stepSine;
      sine = next;
    }
  });
  kappa = kappa.map((sum) => sum / (width / 2));
  const image = new ImageData(new Uint8ClampedArray(pixels.buffer, 0, 4 * width * length), width);
  canvas.getContext("2d").putImageData(image, 0, 0);
  smooth();
  if (cross.classList.contains("on")) point(cell.position, cell.column);
}

/** Cells smaller than a point of the screen are smoothed. */
const smooth = () => canvas.classList.toggle("large", view.width > frame.width || view.length > frame.height);
new ResizeObserver(([{ contentRect }]) => { // asked for while drawing, its size would have the page laid out twice
  [frame.width, frame.height] = [contentRect.width, contentRect.height];
  smooth();
}).observe($("cells"));

const formats = [0, 1, 2].map((n) => new Intl.NumberFormat("en", { minimumFractionDigits: n, maximumFractionDigits: n }));
const number = (value, digits) => formats[digits].format(value);
const count = (value) => number(value, value < 100 ? 1 : 0);

function paintInputs(name, stop = String(view[name])) {
  const value = String(view[name]), box = boxes[name];
  if ($(name).value !== stop) $(name).value = stop;
  if (Number(box.value) !== view[name] || (box !== document.activeElement && box.value !== value)) box.value = value;
}

function paintPositions() {
  for (const name of POSITIONS) {
    for (const input of [$(name), boxes[name]]) set(input, { max: view.length - 1 });
    paintInputs(name);
  }
}

const presets = Array.from(page.querySelectorAll("[data-view]"), (button) => [
  button,
  { ...DEFAULTS, ...Object.fromEntries(new URLSearchParams(button.dataset.view)) },
]);

function paintControls() {
  paintInputs("length");
  paintInputs("width");
  paintInputs("base", String(BASES.findLastIndex((stop) => stop <= view.base * (1 + 1e-9))));
  set($("base"), { "aria-valuetext": view.base });
  if ($("layout").value !== view.layout) $("layout").value = view.layout; // even the same value costs a layout
  write(page.querySelector("[data-show=last-column]"), String(view.width - 1));
  write(page.querySelector("[data-show=last-position]"), String(view.length - 1));
  for (const [button, preset] of presets)
    set(button, { "aria-pressed": ["length", "width", "base", "layout"].every((name) => String(view[name]) === String(preset[name])) });
}

// Row, clocks, curves. -----------------------------------------------------------------------------------------------

const SVG = "http://www.w3.org/2000/svg";
const element = (name, attributes, parent) => parent.appendChild(set(document.createElementNS(SVG, name), attributes));

const clocks = Array.from({ length: 12 }, () => {
  const svg = element("svg", { viewBox: "-50 -50 100 128", "aria-hidden": "true" }, $("clocks"));
  element("circle", { r: 44 }, svg);
  element("path", { d: "M-44 0H44M0-44V44", class: "axes" }, svg);
  const second = element("path", { d: "M0 0V-40", class: "second" }, svg);
  const first = element("path", { d: "M0 0V-42", class: "first" }, svg);
  const pair = element("text", { y: 60 }, svg), wave = element("text", { y: 75, class: "small" }, svg);
  return { svg, first, second, pair, wave };
});

function paintMarks() {
  for (const name of POSITIONS)
    page.querySelector(`.mark.${name === "second" ? name : "first"}`).style.transform = `translateY(${((view[name] + 0.5) / view.length) * 100}%)`;
}

function paintClocks() {
  const { width, base, position, second } = view, pairs = width / 2, omega = frequencies(width, base);
  const shown = Math.min(pairs, clocks.length);
  clocks.forEach((clock, n) => {
    clock.svg.classList.toggle("off", n >= shown);
    if (n >= shown) return;
    const i = shown > 1 ? Math.round((n * (pairs - 1)) / (shown - 1)) : 0;
    const turn = (p) => `rotate(${(((p * omega[i] * 180) / Math.PI) % 360).toFixed(2)})`; // clockwise from the top
    set(clock.first, { transform: turn(position) });
    set(clock.second, { transform: turn(second) });
    write(clock.pair, `pair ${i}`);
    write(clock.wave, `λ ${count((2 * Math.PI) / omega[i])}`);
  });
  set($("clocks"), {
    "aria-label": `${shown} of ${pairs} pairs as clock hands, for positions ${position} and ${second}; the table below holds their values.`,
  });
}

function paintNumbers() {
  if (!$("numbers").closest("details").open) return;
  const { width, base, layout, position, second } = view;
  const rows = [position, second].map((p) => encode(p, width, base, layout)), waves = wavelengths(width, base);
  const cells = (tag, values) => `<tr>${values.map((value) => `<${tag}>${value}</${tag}>`).join("")}</tr>`;
  $("numbers").tHead.innerHTML = cells("th", ["Dimension", "Wave", "Wavelength", `Position ${position}`, `Position ${second}`]);
  const body = new Array(width);
  waves.forEach((wave, i) =>
    LAYOUTS[layout](i, width).forEach((column, kind) => {
      const values = rows.map((row) => row[column].toFixed(7));
      body[column] = cells("td", [column, `${kind ? "cosine" : "sine"} of pair ${i}`, number(wave, 2), ...values]);
    }),
  );
  $("numbers").tBodies[0].innerHTML = body.join("");
}

// Both charts stand in a frame from (34, 8) to (352, 180) of their drawing. What they are made of is made once.
const X = 34, Y = 8, W = 318, H = 172;
function chart(id, title, marks, paths) {
  const svg = $(id), text = (attributes, content = "") => Object.assign(element("text", attributes, svg), { textContent: content });
  for (const [height, label] of marks) {
    element("path", { d: `M${X} ${height}H${X + W}`, class: "grid" }, svg);
    text({ x: X - 5, y: height + 3.5, class: "end" }, label);
  }
  text({ x: X + W / 2, y: 205 }, title);
  const first = text({ x: X, y: 194, class: "start" }), last = text({ x: X + W, y: 194, class: "end" });
  const made = paths.map((name) => element("path", { class: name }, svg));
  return { svg, draw: (ends, ...drawn) => (write(first, "0"), write(last, String(ends)), made.forEach((path, n) => set(path, { d: drawn[n] }))) };
}

const DECADES = 7;
const waveHeight = (positions) => Y + H - (Math.log10(positions) / DECADES) * H;
const powers = ["1", "10", "100", "10³", "10⁴", "10⁵", "10⁶", "10⁷"].map((label, k) => [waveHeight(10 ** k), label]);
const wavesChart = chart("waves", "pair", powers, ["curve first", "limit"]);

function paintWavelengths() {
  const waves = wavelengths(view.width, view.base), last = waves.length - 1;
  const points = Array.from(waves, (wave, i) => `${(X + (W * i) / Math.max(1, last)).toFixed(1)} ${waveHeight(wave).toFixed(1)}`);
  wavesChart.draw(last, last ? `M${points.join("L")}` : `M${points[0]}h6`, `M${X} ${waveHeight(view.length)}H${X + W}`);
  const complete = waves.filter((wave) => wave <= view.length).length;
  const text = `From ${count(waves[0])} to ${count(waves[last])} positions. In ${view.length} positions (dashed) ${complete} of ${last + 1} pairs complete a cycle.`;
  set(wavesChart.svg, { "aria-label": `Wavelength by pair, on a logarithmic axis. ${text}` });
  write($("wave"), text);
}

const heights = [[Y, "1"], [Y + H / 2, "0"], [Y + H, "−1"]];
const alikeChart = chart("alike", "position", heights, ["limit first", "limit second", "curve first"]);
const dot = element("circle", { r: 4.5, class: "dot" }, alikeChart.svg);

function paintSimilarity() {
  const { length, width, base, layout, position, second } = view, last = Math.max(1, length - 1);
  const x = (p) => (X + (W * p) / last).toFixed(1), y = (value) => (Y + H / 2 - (value * H) / 2).toFixed(1);
  const limits = [position, second].map((p) => `M${x(p)} ${Y}V${Y + H}`);
  const curve = `M${Array.from(kappa, (_, p) => `${x(p)} ${y(kappa[Math.abs(p - position)])}`).join("L")}`;
  alikeChart.draw(length - 1, ...limits, curve);
  // Worked out from the rows themselves: that it depends on their distance alone is then to be seen.
  const [one, other] = [position, second].map((p) => encode(p, width, base, layout));
  const value = one.reduce((sum, entry, column) => sum + entry * other[column], 0) / (width / 2);
  set(dot, { cx: x(second), cy: y(value) });
  const text = `Positions ${position} and ${second}, ${Math.abs(second - position)} apart: similarity ${value.toFixed(6)}.`;
  set(alikeChart.svg, { "aria-label": `Cosine similarity of every position with position ${position}. ${text}` });
  write($("pair"), text);
}

// The program below, its output, and the address. ---------------------------------------------------------------------

const [program, output] = document.querySelectorAll("#view pre > code");
const literals = [...program.querySelectorAll(".mi, .s2")].slice(0, 6);
let saving;

function paintProgram() {
  const { length, width, base, layout, position, second } = view;
  [length, width, base, `"${layout}"`, position, second].forEach((value, n) => write(literals[n], String(value)));
  const row = [...encode(position, width, base, layout).slice(0, 4)].map((value) => Math.fround(value).toFixed(6));
  const waves = wavelengths(width, base);
  const text = [
    `row:         ${row.join(" ")}`,
    `wavelengths: ${waves[0].toFixed(3)} to ${waves.at(-1).toFixed(3)}`,
    `similarity:  ${similarity(second - position, width, base).toFixed(6)}\n`,
  ].join("\n");
  write(output, text);
  saving ??= setTimeout(() => { // browsers limit how often an address may change
    saving = undefined;
    const changed = Object.entries(view).filter(([name, value]) => value !== DEFAULTS[name]);
    const query = new URLSearchParams(changed).toString();
    history.replaceState(null, "", location.pathname + (query && `?${query}`) + location.hash);
  }, 400);
}

// Hands. ----------------------------------------------------------------------------------------------------------------

for (const name of NUMBERS) {
  $(name).addEventListener("input", () => change(name, name === "base" ? BASES[$(name).value] : $(name).valueAsNumber));
  boxes[name].addEventListener("input", () => change(name, boxes[name].valueAsNumber));
  boxes[name].addEventListener("blur", () => draw("controls", "position"));
}
$("base").max = BASES.length - 1;
$("layout").addEventListener("change", () => change("layout", $("layout").value));
for (const [button] of presets)
  button.addEventListener("click", () => (read(button.dataset.view), draw(...Object.keys(PARTS))));
page.querySelector("details").addEventListener("toggle", () => draw("numbers"));

const cell = { position: 0, column: 0 }, cross = page.querySelector(".cross");
function point(position, column) {
  cell.position = Math.max(0, Math.min(view.length - 1, position));
  cell.column = Math.max(0, Math.min(view.width - 1, column));
  const { width, base, layout, length } = view, omega = frequencies(width, base);
  const i = omega.findIndex((_, k) => LAYOUTS[layout](k, width).includes(cell.column));
  const kind = LAYOUTS[layout](i, width)[0] === cell.column ? "sine" : "cosine";
  const value = encode(cell.position, width, base, layout)[cell.column].toFixed(6);
  $("cell").textContent =
    `Position ${cell.position}, dimension ${cell.column}: ${value} (${kind} of pair ${i}, wavelength ${count((2 * Math.PI) / omega[i])})`;
  cross.style.left = `${((cell.column + 0.5) / width) * 100}%`;
  cross.style.top = `${((cell.position + 0.5) / length) * 100}%`;
  cross.classList.add("on");
}
const cells = $("cells");
const pointed = (event) => {
  const box = cells.getBoundingClientRect();
  point(Math.floor(((event.clientY - box.top) / box.height) * view.length), Math.floor(((event.clientX - box.left) / box.width) * view.width));
};
cells.addEventListener("pointermove", pointed);
cells.addEventListener("click", (event) => (pointed(event), change("position", cell.position)));
cells.addEventListener("keydown", (event) => {
  const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], Enter: [0, 0] }[event.key];
  if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  point(cell.position + step[0], cell.column + step[1]);
  if (event.key === "Enter") change("position", cell.position);
});

/** Let a finger or the mouse draw the second position along the curve. */
$("alike").addEventListener("pointermove", (event) => {
  if (event.pointerType === "mouse" && !event.buttons) return;
  const box = $("alike").getBoundingClientRect(), at = (((event.clientX - box.left) / box.width) * 360 - X) / W;
  change("second", Math.max(0, Math.min(view.length - 1, Math.round(at * (view.length - 1)))));
});
$("waves").addEventListener("pointermove", (event) => {
  const box = $("waves").getBoundingClientRect(), at = (((event.clientX - box.left) / box.width) * 360 - X) / W;
  const waves = wavelengths(view.width, view.base), i = Math.max(0, Math.min(waves.length - 1, Math.round(at * (waves.length - 1))));
  $("wave").textContent = `Pair ${i}: a cycle takes ${number(waves[i], 2)} positions.`;
});

let running;
$("play").addEventListener("click", () => {
  running = running ? clearInterval(running) : setInterval(() => change("position", (view.position + 1) % view.length), 150);
  $("play").ariaPressed = String(Boolean(running));
});

read(location.search);
draw(...Object.keys(PARTS));
