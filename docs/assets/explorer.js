// The page Explorer: a view, what is drawn of it, and what moves it. No library, and nothing from elsewhere.

import { LAYOUTS, encode, firstNegative, frequencies, pairOf, similarity, turn, wavelengths } from "./encoding.js";
import { ramp } from "./ramp.js";
import { download, enlarged } from "./save.js";
import { say } from "./words.js";

// A view, and what it may be. ------------------------------------------------------------------------------------

const DEFAULTS = { length: 64, width: 128, base: 10000, layout: "sin_cos", position: 20, second: 32, column: 9 };
const PLACES = { position: "length", second: "length", column: "width" }; // and what each has to be less than
const NUMBERS = ["length", "width", "base", "position", "second"]; // those with a slider and a box
// The stops of the slider for the base: ten in each decade.
const BASES = [10, 100, 1e3, 1e4, 1e5].flatMap((k) => [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8].map((m) => Math.round(m * k))).concat(1e6);

const $ = (id) => document.getElementById(id);
const page = document.querySelector(".explorer");
const view = { ...DEFAULTS };
const chosen = {}; // places, though the table may be too small for them while its size is typed
const boxes = Object.fromEntries(NUMBERS.map((name) => [name, page.querySelector(`[data-of=${name}]`)]));

const isPlace = (name) => (n) => Number.isInteger(n) && n >= 0 && n < view[PLACES[name]];
const isValid = {
  length: (n) => Number.isInteger(n) && n >= 1 && n <= 1024,
  width: (n) => Number.isInteger(n) && n >= 2 && n <= 512 && n % 2 === 0,
  base: (n) => n >= 2 && n <= 1e6,
  layout: (name) => Object.hasOwn(LAYOUTS, name),
  ...Object.fromEntries(Object.keys(PLACES).map((name) => [name, isPlace(name)])),
};

/** Take over what `query` asks for; what it leaves out or gets wrong is as at the start. */
function read(query) {
  const asked = new URLSearchParams(query);
  for (const [name, initial] of Object.entries(DEFAULTS)) {
    const value = name === "layout" ? asked.get(name) : Number(asked.get(name));
    view[name] = asked.has(name) && isValid[name](value) ? value : name in PLACES ? Math.min(initial, view[PLACES[name]] - 1) : initial;
    if (name in PLACES) chosen[name] = view[name];
  }
  draw();
}

function change(name, value) {
  if (!isValid[name](value)) return;
  const [pair, kind] = pairOf(view.column, view.width, view.layout);
  view[name] = value;
  if (name in PLACES) chosen[name] = value;
  if (name === "layout") chosen.column = LAYOUTS[value](pair, view.width)[kind]; // the mark stays on its wave
  for (const [place, size] of Object.entries(PLACES)) view[place] = Math.min(chosen[place], view[size] - 1);
  draw(!(name in PLACES));
  if (name === "position" || name === "column") follow();
  tell();
}

// Drawing, at most once a frame; the page is touched only where it changes. -----------------------------------------

let next, isOld;
function draw(isNew = true) {
  isOld ||= isNew;
  next ??= requestAnimationFrame(() => {
    if (isOld) paintTable();
    for (const paint of [paintControls, paintMarks, paintHands, paintNumbers, paintSimilarity, paintWavelengths, paintProgram]) paint();
    next = isOld = undefined;
  });
}

const write = (node, text) => node.textContent === text || ((node.firstChild ?? node).textContent = text);
const set = (node, attributes) => {
  for (const [key, value] of Object.entries(attributes)) if (node.getAttribute(key) !== String(value)) node.setAttribute(key, value);
  return node;
};
const formats = Array.from({ length: 7 }, (_, n) => new Intl.NumberFormat("en", { minimumFractionDigits: n, maximumFractionDigits: n }));
const number = (value, digits) => formats[digits].format(value).replace("-", "−");
const count = (value) => number(value, value < 100 ? 1 : 0);

const cells = $("cells"), sheet = $("sheet"), canvas = $("table"), pixels = new Uint32Array(512 * 1024); // enough for the largest
let kappa = [], reach; // similarity at distance 0, 1, 2, …, and where it first is negative

function paintTable() {
  const { length, width, base, layout } = view;
  // Of the size of a power of two, and stretched: a new canvas at each step of a slider costs more than the table.
  const [across, down] = [width, length].map((size) => 2 ** Math.ceil(Math.log2(size)));
  if (canvas.width !== across || canvas.height !== down) [canvas.width, canvas.height] = [across, down];
  canvas.style.transform = `scale(${across / width}, ${down / length})`;
  // No column and no row is narrower than a point: a table that does not fit is scrolled.
  Object.assign(sheet.style, { width: `max(100%, ${width}px)`, height: `max(100%, ${length}px)` });
  const sums = new Float64Array(length);
  frequencies(width, base).forEach((w, i) => {
    const [left, right] = LAYOUTS[layout](i, width);
    turn(w, 0, length, (p, sine, cosine) => {
      pixels[p * width + left] = ramp[(sine * 127.5 + 128) | 0];
      pixels[p * width + right] = ramp[(cosine * 127.5 + 128) | 0];
      sums[p] += cosine;
    });
  });
  kappa = sums.map((sum) => sum / (width / 2));
  canvas.getContext("2d").putImageData(new ImageData(new Uint8ClampedArray(pixels.buffer, 0, 4 * width * length), width), 0, 0);
  paintPart();
  reach = undefined;
  firstNegative(width, base, () => view.width === width && view.base === base).then((found) => {
    if (!found) return;
    reach = found;
    paintSimilarity();
  });
}

const frame = { width: 0, height: 0 };
/** Which rows or columns are to be seen: the first and the last. */
const part = (size, room, scrolled) => {
  const cell = Math.max(1, room / size);
  return [Math.ceil(scrolled / cell - 0.01), Math.min(size, Math.floor((scrolled + room) / cell + 0.01)) - 1];
};
const shown = () => ({ down: part(view.length, frame.height, cells.scrollTop), across: part(view.width, frame.width, cells.scrollLeft) });

function paintPart() {
  if (!frame.width) return;
  const { across, down } = shown();
  const parts = [
    [".across", across, view.width, say("Column"), (...ends) => say("Columns {0} to {1} of {2}", ...ends)],
    [".down", down, view.length, say("Position"), (...ends) => say("Positions {0} to {1} of {2}", ...ends)],
  ];
  for (const [axis, [first, last], size, all, some] of parts) {
    const [start, title, end] = page.querySelector(axis).children;
    write(start, String(first));
    write(title, last - first + 1 < size ? some(first, last, size) : all);
    write(end, String(last));
  }
}
cells.addEventListener("scroll", paintPart);
new ResizeObserver(([{ contentRect }]) => { // asked for while drawing, its size would have the page laid out twice
  const isFirst = !frame.width;
  [frame.width, frame.height] = [contentRect.width, contentRect.height];
  paintPart();
  if (isFirst) follow();
}).observe(cells);

/** Bring the mark into the part of the table that is shown. */
function follow() {
  const { across, down } = shown(), { position, column, length, width } = view;
  if (column < across[0] || column > across[1]) cells.scrollLeft = column * Math.max(1, frame.width / width) - frame.width / 2;
  if (position < down[0] || position > down[1]) cells.scrollTop = position * Math.max(1, frame.height / length) - frame.height / 2;
}

const presets = Array.from(page.querySelectorAll("[data-view]"), (button) => [
  button,
  { ...DEFAULTS, ...Object.fromEntries(new URLSearchParams(button.dataset.view)) },
]);

function paintControls() {
  const stops = { ...view, base: BASES.findLastIndex((stop) => stop <= view.base * (1 + 1e-9)) };
  for (const name of NUMBERS) {
    const value = String(view[name]), stop = String(stops[name]), box = boxes[name];
    if (name in PLACES) for (const input of [$(name), box]) set(input, { max: view.length - 1 });
    if ($(name).value !== stop) $(name).value = stop;
    if (Number(box.value) !== view[name] || (box !== document.activeElement && box.value !== value)) box.value = value;
  }
  set($("base"), { "aria-valuetext": view.base });
  if ($("layout").value !== view.layout) $("layout").value = view.layout; // even the same value costs a layout
  for (const [button, preset] of presets)
    set(button, { "aria-pressed": ["length", "width", "base", "layout"].every((name) => String(view[name]) === String(preset[name])) });
}

const named = (kind, i) => (kind ? say("cosine of pair {0}", i) : say("sine of pair {0}", i));
const marks = page.querySelectorAll(".mark");
function paintMarks() {
  const { width, length, base, layout, position, second, column } = view, [i, kind] = pairOf(column, width, layout);
  [position, second].forEach((p, n) => { marks[n].style.transform = `translateY(${((p + 0.5) / length) * 100}%)`; });
  marks[2].style.transform = `translateX(${((column + 0.5) / width) * 100}%)`;
  const value = number(encode(position, width, base, layout)[column], 6), wave = count(wavelengths(width, base)[i]);
  write($("cell"), say("Position {0}, column {1}: {2} ({3}, wavelength {4})", position, column, value, named(kind, i), wave));
}

// Hands, numbers, curves. -----------------------------------------------------------------------------------------

const SVG = "http://www.w3.org/2000/svg";
const element = (name, attributes, parent) => parent.appendChild(set(document.createElementNS(SVG, name), attributes));

const clocks = Array.from({ length: 8 }, () => {
  const clock = element("g", {}, $("clocks"));
  element("circle", { cx: 50, cy: 46, r: 42 }, clock);
  element("path", { d: "M8 46H92M50 4V88", class: "grid" }, clock);
  const [second, first] = ["second", "first"].map((name) => element("path", { d: "M50 46V6", class: `hand ${name}` }, clock));
  const [pair, wave] = [106, 123].map((y) => element("text", { x: 50, y }, clock));
  return { clock, first, second, pair, wave };
});
const isNarrow = matchMedia("(max-width: 40em)"); // as in explorer.css
isNarrow.addEventListener("change", () => draw());
let pairs = []; // the pairs that the clocks show

function paintHands() {
  const { width, base, layout, position, second, column } = view, omega = frequencies(width, base);
  const last = omega.length - 1, few = Math.min(last + 1, clocks.length), across = isNarrow.matches ? 4 : 8;
  const [marked] = pairOf(column, width, layout);
  pairs = Array.from({ length: few }, (_, n) => Math.round((n * last) / Math.max(1, few - 1)));
  const distances = pairs.map((i) => Math.abs(i - marked)); // the clock next to the pair that is marked shows that pair
  pairs[distances.indexOf(Math.min(...distances))] = marked;
  clocks.forEach(({ clock, ...parts }, n) => {
    const i = pairs[n];
    set(clock, { transform: `translate(${(n % across) * 100} ${Math.floor(n / across) * 128})`, class: i === undefined ? "off" : i === marked ? "marked" : "" });
    if (i === undefined) return;
    const rotate = (p) => `rotate(${(((p * omega[i] * 180) / Math.PI) % 360).toFixed(2)} 50 46)`; // clockwise from the top
    set(parts.first, { transform: rotate(position) });
    set(parts.second, { transform: rotate(second) });
    write(parts.pair, say("pair {0}", i));
    write(parts.wave, `λ ${count((2 * Math.PI) / omega[i])}`);
  });
  set($("clocks"), {
    viewBox: `0 0 ${across * 100} ${(8 / across) * 128}`,
    "aria-label": say("{0} of {1} pairs as clock hands, for positions {2} and {3}; the table below holds their values.", few, last + 1, position, second),
  });
}

function paintNumbers() {
  if (!$("numbers").closest("details").open) return;
  const { width, base, layout, position, second } = view;
  const rows = [position, second].map((p) => encode(p, width, base, layout)), waves = wavelengths(width, base);
  const line = (tag, values) => `<tr>${values.map((value) => `<${tag}>${value}</${tag}>`).join("")}</tr>`;
  $("numbers").tHead.innerHTML = line("th", [say("Column"), say("Wave"), say("Wavelength"), say("Position {0}", position), say("Position {0}", second)]);
  $("numbers").tBodies[0].innerHTML = Array.from({ length: width }, (_, column) => {
    const [i, kind] = pairOf(column, width, layout);
    return line("td", [column, named(kind, i), number(waves[i], 2), ...rows.map((row) => row[column].toFixed(7))]);
  }).join("");
}

// Both charts are in a frame from (34, 8) to (352, 140) of their drawing. What they are made of is made once.
const X = 34, Y = 8, W = 318, H = 132;
function chart(id, title, marks, paths) {
  const svg = $(id), text = (attributes, content = "") => Object.assign(element("text", attributes, svg), { textContent: content });
  for (const [height, label] of marks) {
    element("path", { d: `M${X} ${height}H${X + W}`, class: "grid" }, svg);
    text({ x: X - 5, y: height + 3.5, class: "end" }, label);
  }
  text({ x: X + W / 2, y: Y + H + 24 }, title);
  const [first, last] = [["start", X], ["end", X + W]].map(([name, x]) => text({ x, y: Y + H + 14, class: name }));
  const made = paths.map((name) => element("path", { class: name }, svg)), dot = element("circle", { r: 4.5, class: "dot" }, svg);
  return (label, ends, x, y, ...drawn) => {
    set(svg, { "aria-label": label });
    write(first, "0");
    write(last, String(ends));
    set(dot, { cx: x, cy: y });
    made.forEach((path, n) => set(path, { d: drawn[n] }));
  };
}
const along = (n, last) => (X + (W * n) / Math.max(1, last)).toFixed(1);

const waveHeight = (positions) => (Y + H - (Math.log10(positions) / 7) * H).toFixed(1);
const powers = ["1", "10", "100", "10³", "10⁴", "10⁵", "10⁶", "10⁷"].map((label, k) => [Number(waveHeight(10 ** k)), label]);
const drawWavelengths = chart("waves", say("pair"), powers, ["curve first", "limit"]);

function paintWavelengths() {
  const { width, base, layout, length, column } = view, waves = wavelengths(width, base), last = waves.length - 1;
  const [i] = pairOf(column, width, layout), complete = waves.filter((wave) => wave <= length).length;
  const curve = `M${Array.from(waves, (wave, n) => `${along(n, last)} ${waveHeight(wave)}`).join("L")}`;
  const text = say("Pair {0}: a cycle takes {1} positions. All pairs: from {2} to {3}. In {4} positions (dashed) {5} of {6} complete a cycle.",
    i, number(waves[i], 2), count(waves[0]), count(waves[last]), length, complete, last + 1);
  drawWavelengths(say("Wavelength by pair, on a logarithmic axis. {0}", text), last, along(i, last), waveHeight(waves[i]), curve, `M${X} ${waveHeight(length)}H${X + W}`);
  write($("wave"), text);
}

const drawSimilarity = chart("alike", say("position"), [[Y, "1"], [Y + H / 2, "0"], [Y + H, "−1"]], ["reach", "limit first", "limit second", "curve first"]);

function paintSimilarity() {
  const { length, width, base, layout, position, second } = view, last = length - 1;
  const y = (value) => (Y + H / 2 - (value * H) / 2).toFixed(1), upright = (p) => `M${along(p, last)} ${Y}V${Y + H}`;
  const curve = `M${Array.from(kappa, (_, p) => `${along(p, last)} ${y(kappa[Math.abs(p - position)])}`).join("L")}`;
  const ends = [position - reach, position + reach].filter((p) => p >= 0 && p <= last);
  // Computed from the rows themselves: that it depends on their distance alone is then to be seen.
  const [one, other] = [position, second].map((p) => encode(p, width, base, layout));
  const value = one.reduce((sum, entry, column) => sum + entry * other[column], 0) / (width / 2);
  const alike = say("Positions {0} and {1}, {2} apart: similarity {3}.", position, second, Math.abs(second - position), number(value, 6));
  const lines = ["", say(" (thin line)"), say(" (thin lines)")][ends.length];
  const turns = say("Similarity first turns negative at distance {0}{1}.", reach ? number(reach, 0) : "…", lines), text = say("{0} {1}", alike, turns);
  const label = say("Cosine similarity of every position with position {0}. {1}", position, text);
  drawSimilarity(label, last, along(second, last), y(value), ends.map(upright).join("") || "M0 0", upright(position), upright(second), curve);
  write($("pair"), text);
}

// The program below, its output, and the address. -------------------------------------------------------------------

const [program, output] = document.querySelectorAll("#view pre > code");
const literals = [...program.querySelectorAll(".mi, .s2")].slice(0, 6);
let saving;

function paintProgram() {
  const { length, width, base, layout, position, second } = view, waves = wavelengths(width, base);
  [length, width, base, `"${layout}"`, position, second].forEach((value, n) => write(literals[n], String(value)));
  const row = [...encode(position, width, base, layout).slice(0, 4)].map((value) => Math.fround(value).toFixed(6));
  write(output, [
    `row:         ${row.join(" ")}`,
    `wavelengths: ${waves[0].toFixed(3)} to ${waves.at(-1).toFixed(3)}`,
    `similarity:  ${similarity(second - position, width, base).toFixed(6)}\n`,
  ].join("\n"));
  saving ??= setTimeout(() => { // browsers limit how often an address may change
    saving = undefined;
    const changed = Object.entries(view).filter(([name, value]) => value !== DEFAULTS[name]);
    const query = new URLSearchParams(changed).toString();
    history.replaceState(null, "", location.pathname + (query && `?${query}`) + location.hash);
  }, 400);
}

// What moves it. ----------------------------------------------------------------------------------------------------

let running, saying;
/** Tell those who do not see it, once it has come to rest. */
function tell() {
  clearTimeout(saying);
  saying = setTimeout(() => write(page.querySelector("[role=status]"), `${$("cell").textContent}. ${$("pair").textContent}`), 700);
}

for (const name of NUMBERS) {
  $(name).addEventListener("input", () => change(name, name === "base" ? BASES[$(name).value] : $(name).valueAsNumber));
  boxes[name].addEventListener("input", () => change(name, boxes[name].valueAsNumber));
  boxes[name].addEventListener("blur", () => draw(false));
}
$("base").max = BASES.length - 1;
$("layout").addEventListener("change", () => change("layout", $("layout").value));
for (const [button] of presets) button.addEventListener("click", () => (read(button.dataset.view), follow(), tell()));
page.querySelector("details").addEventListener("toggle", () => draw(false));

/** A click, a tap, or a drag: `take` gets where that is, in parts of what `node` covers. A finger scrolls the heat map. */
function on(node, take) {
  const taken = (event) => {
    const box = node.getBoundingClientRect();
    take((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
  };
  node.addEventListener("click", taken);
  node.addEventListener("pointermove", (event) => event.buttons && (event.pointerType === "mouse" || node !== sheet) && taken(event));
}
const nearest = (x, last) => Math.max(0, Math.min(last, Math.round(((x * 360 - X) / W) * last)));
const move = (position, column) => (change("position", position), change("column", column));
const toPair = (i) => change("column", LAYOUTS[view.layout](i, view.width)[0]);

on(sheet, (x, y) => move(Math.floor(y * view.length), Math.floor(x * view.width)));
on($("alike"), (x) => change("second", nearest(x, view.length - 1)));
on($("waves"), (x) => toPair(nearest(x, view.width / 2 - 1)));
on($("clocks"), (x, y) => {
  const across = isNarrow.matches ? 4 : 8, i = pairs[Math.floor(x * across) + across * Math.floor((y * 8) / across)];
  if (i !== undefined) toPair(i);
});
cells.addEventListener("keydown", (event) => {
  const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
  if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  move(view.position + step[0], view.column + step[1]);
});

$("play").addEventListener("click", () => {
  running = running ? clearInterval(running) : setInterval(() => change("position", (view.position + 1) % view.length), 150);
  write($("play"), running ? say("Stop") : say("Run"));
});

/** The heat map as it is shown, each cell of a whole number of points. */
$("picture").addEventListener("click", () => {
  const { across: [left, right], down: [top, bottom] } = shown(), columns = right - left + 1, rows = bottom - top + 1;
  const scale = (room, size) => size * Math.max(1, Math.round((2 * room) / size));
  enlarged(canvas, left, top, columns, rows, scale(frame.width, columns), scale(frame.height, rows))
    .toBlob((blob) => download(`positions-${top}-${bottom}-columns-${left}-${right}.png`, blob));
});

const isInHall = () => document.body.classList.contains("hall");
function hall(isOn) {
  document.body.classList.toggle("hall", isOn);
  write($("hall"), isOn ? say("Leave") : say("Lecture hall"));
  if (isOn) document.documentElement.requestFullscreen?.().catch(() => {}); // without it, the window is filled
  else if (document.fullscreenElement) document.exitFullscreen();
  page.scrollIntoView({ block: isOn ? "start" : "nearest" });
}
$("hall").addEventListener("click", () => hall(!isInHall()));
document.addEventListener("fullscreenchange", () => document.fullscreenElement || !isInHall() || hall(false));
addEventListener("keydown", (event) => event.key === "Escape" && isInHall() && hall(false));

read(location.search);
