// The encoding in double precision and the page that shows it. No library, nothing fetched.

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
// The stops of the slider for the base: ten in each decade.
const BASES = [10, 100, 1e3, 1e4, 1e5].flatMap((k) => [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8].map((m) => Math.round(m * k))).concat(1e6);

const $ = (id) => document.getElementById(id);
const page = document.querySelector(".explorer");
const view = { ...DEFAULTS };
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
    const initial = name in { position: 0, second: 0 } ? Math.min(DEFAULTS[name], view.length - 1) : DEFAULTS[name];
    view[name] = asked.has(name) && isValid[name](value) ? value : initial;
  }
}

function change(name, value) {
  if (!isValid[name](value)) return;
  view[name] = value;
  view.position = Math.min(view.position, view.length - 1);
  view.second = Math.min(view.second, view.length - 1);
  draw(name === "position" || name === "second" ? "rows" : "table");
}

// Drawing: at most once a frame, and only what has changed. -----------------------------------------------------------

const waiting = new Set();
function draw(...parts) {
  if (!waiting.size) requestAnimationFrame(paint);
  parts.forEach((part) => waiting.add(part));
}

function paint() {
  const all = waiting.has("table");
  waiting.clear();
  if (all) {
    paintTable();
    paintWavelengths();
  }
  paintControls();
  paintRows();
  paintProgram();
}

const ramp = (() => {
  const stops = JSON.parse($("coolwarm").textContent).map((hex) => [1, 3, 5].map((k) => parseInt(hex.slice(k, k + 2), 16)));
  return Uint32Array.from({ length: 256 }, (_, n) => {
    const at = (n / 255) * (stops.length - 1), low = Math.min(Math.floor(at), stops.length - 2);
    const [r, g, b] = stops[low].map((v, k) => Math.round(v + (stops[low + 1][k] - v) * (at - low)));
    return (255 << 24) | (b << 16) | (g << 8) | r; // ImageData is RGBA, and every machine with a browser is little-endian
  });
})();

let kappa = []; // similarity at distance 0, 1, 2, …

function paintTable() {
  const { length, width, base, layout } = view, canvas = $("table");
  if (canvas.width !== width || canvas.height !== length) [canvas.width, canvas.height] = [width, length];
  const image = new ImageData(width, length), pixels = new Uint32Array(image.data.buffer);
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
  canvas.getContext("2d").putImageData(image, 0, 0);
  canvas.classList.toggle("large", width > canvas.clientWidth || length > canvas.clientHeight);
}

const number = (value, digits) => value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
const count = (value) => number(value, value < 100 ? 1 : 0);

function paintControls() {
  for (const name of NUMBERS) {
    const value = String(view[name]), last = view.length - 1;
    if (name in { position: 0, second: 0 }) $(name).max = boxes[name].max = last;
    if (name === "base") {
      $("base").value = BASES.findLastIndex((stop) => stop <= view.base * (1 + 1e-9));
      $("base").ariaValueText = value;
    } else $(name).value = value;
    if (Number(boxes[name].value) !== view[name] || boxes[name] !== document.activeElement) boxes[name].value = value;
  }
  $("layout").value = view.layout;
  page.querySelector("[data-show=last-column]").textContent = view.width - 1;
  page.querySelector("[data-show=last-position]").textContent = view.length - 1;
  for (const button of page.querySelectorAll("[data-view]")) {
    const preset = { ...DEFAULTS, ...Object.fromEntries(new URLSearchParams(button.dataset.view)) };
    button.ariaPressed = String(["length", "width", "base", "layout"].every((name) => String(view[name]) === String(preset[name])));
  }
}

// Row, clocks, curves. -----------------------------------------------------------------------------------------------

const SVG = "http://www.w3.org/2000/svg";
const element = (name, attributes, parent) => {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return parent ? parent.appendChild(made) : made;
};

const clocks = Array.from({ length: 12 }, () => {
  const svg = element("svg", { viewBox: "-50 -50 100 128", "aria-hidden": "true" }, $("clocks"));
  element("circle", { r: 44 }, svg);
  element("path", { d: "M-44 0H44M0-44V44", class: "axes" }, svg);
  const second = element("path", { d: "M0 0V-40", class: "second" }, svg);
  const first = element("path", { d: "M0 0V-42", class: "first" }, svg);
  const pair = element("text", { y: 60 }, svg), wave = element("text", { y: 75, class: "small" }, svg);
  return { svg, first, second, pair, wave };
});

function paintRows() {
  const { width, base, layout, position, second, length } = view, pairs = width / 2, omega = frequencies(width, base);
  const shown = Math.min(pairs, clocks.length);
  clocks.forEach((clock, n) => {
    clock.svg.classList.toggle("off", n >= shown);
    if (n >= shown) return;
    const i = shown > 1 ? Math.round((n * (pairs - 1)) / (shown - 1)) : 0;
    const turn = (p) => `rotate(${((p * omega[i] * 180) / Math.PI) % 360})`; // clockwise from the top
    clock.first.setAttribute("transform", turn(position));
    clock.second.setAttribute("transform", turn(second));
    clock.pair.textContent = `pair ${i}`;
    clock.wave.textContent = `λ ${count((2 * Math.PI) / omega[i])}`;
  });
  $("clocks").ariaLabel = `${shown} of ${pairs} pairs as clock hands, for positions ${position} and ${second}; the table below holds their values.`;

  page.querySelector(".mark.first").style.top = `${((position + 0.5) / length) * 100}%`;
  page.querySelector(".mark.second").style.top = `${((second + 0.5) / length) * 100}%`;
  if (page.querySelector("details").open) paintNumbers();
  paintSimilarity();
}

function paintNumbers() {
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

// Both charts stand in a frame from (34, 8) to (352, 180) of their drawing.
const X = 34, Y = 8, W = 318, H = 172;
const axes = (svg, marks) => {
  svg.replaceChildren();
  for (const [value, label] of marks) {
    element("path", { d: `M${X} ${value}H${X + W}`, class: "grid" }, svg);
    element("text", { x: X - 5, y: value + 3.5, class: "end" }, svg).textContent = label;
  }
  return {
    title: (text) => (element("text", { x: X + W / 2, y: 205 }, svg).textContent = text),
    ends: (first, last) => {
      element("text", { x: X, y: 194, class: "start" }, svg).textContent = first;
      element("text", { x: X + W, y: 194, class: "end" }, svg).textContent = last;
    },
    path: (name, d) => element("path", { d, class: name }, svg),
  };
};

const DECADES = 7;
const waveHeight = (positions) => Y + H - (Math.log10(positions) / DECADES) * H;

function paintWavelengths() {
  const waves = wavelengths(view.width, view.base), last = waves.length - 1;
  const powers = ["1", "10", "100", "10³", "10⁴", "10⁵", "10⁶", "10⁷"];
  const chart = axes($("waves"), powers.map((label, k) => [waveHeight(10 ** k), label]));
  chart.title("pair");
  chart.ends(0, last);
  const points = [...waves].map((wave, i) => `${(X + (W * i) / Math.max(1, last)).toFixed(1)} ${waveHeight(wave).toFixed(1)}`);
  chart.path("curve first", last ? `M${points.join("L")}` : `M${points[0]}h6`);
  chart.path("limit", `M${X} ${waveHeight(view.length)}H${X + W}`);
  const complete = waves.filter((wave) => wave <= view.length).length;
  const text = `From ${count(waves[0])} to ${count(waves[last])} positions. In ${view.length} positions (dashed) ${complete} of ${last + 1} pairs complete a cycle.`;
  $("waves").ariaLabel = `Wavelength by pair, on a logarithmic axis. ${text}`;
  $("wave").textContent = text;
}

function paintSimilarity() {
  const { length, width, base, layout, position, second } = view, last = Math.max(1, length - 1);
  const x = (p) => (X + (W * p) / last).toFixed(1), y = (value) => (Y + H / 2 - (value * H) / 2).toFixed(1);
  const chart = axes($("alike"), [[Y, "1"], [Y + H / 2, "0"], [Y + H, "−1"]]);
  chart.title("position");
  chart.ends(0, length - 1);
  chart.path("limit first", `M${x(position)} ${Y}V${Y + H}`);
  chart.path("limit second", `M${x(second)} ${Y}V${Y + H}`);
  chart.path("curve first", `M${Array.from(kappa, (_, p) => `${x(p)} ${y(kappa[Math.abs(p - position)])}`).join("L")}`);
  // Worked out from the rows themselves: that it depends on their distance alone is then to be seen.
  const [one, other] = [position, second].map((p) => encode(p, width, base, layout));
  const value = one.reduce((sum, entry, column) => sum + entry * other[column], 0) / (width / 2);
  element("circle", { cx: x(second), cy: y(value), r: 4.5, class: "dot" }, $("alike"));
  const text = `Positions ${position} and ${second}, ${Math.abs(second - position)} apart: similarity ${value.toFixed(6)}.`;
  $("alike").ariaLabel = `Cosine similarity of every position with position ${position}. ${text}`;
  $("pair").textContent = text;
}

// The program below, its output, and the address. ---------------------------------------------------------------------

const [program, output] = document.querySelectorAll("#view pre > code");
const literals = [...program.querySelectorAll(".mi, .s2")].slice(0, 6);
let saving;

function paintProgram() {
  const { length, width, base, layout, position, second } = view;
  [length, width, base, `"${layout}"`, position, second].forEach((value, n) => (literals[n].textContent = value));
  const row = [...encode(position, width, base, layout).slice(0, 4)].map((value) => Math.fround(value).toFixed(6));
  const waves = wavelengths(width, base);
  output.textContent = [
    `row:         ${row.join(" ")}`,
    `wavelengths: ${waves[0].toFixed(3)} to ${waves.at(-1).toFixed(3)}`,
    `similarity:  ${similarity(second - position, width, base).toFixed(6)}\n`,
  ].join("\n");
  clearTimeout(saving); // browsers limit how often an address may change
  saving = setTimeout(() => {
    const changed = Object.entries(view).filter(([name, value]) => value !== DEFAULTS[name]);
    const query = new URLSearchParams(changed).toString();
    history.replaceState(null, "", location.pathname + (query && `?${query}`) + location.hash);
  }, 250);
}

// Hands. ----------------------------------------------------------------------------------------------------------------

for (const name of NUMBERS) {
  $(name).addEventListener("input", () => change(name, name === "base" ? BASES[$(name).value] : $(name).valueAsNumber));
  boxes[name].addEventListener("input", () => change(name, boxes[name].valueAsNumber));
  boxes[name].addEventListener("blur", () => draw("rows"));
}
$("base").max = BASES.length - 1;
$("layout").addEventListener("change", () => change("layout", $("layout").value));
for (const button of page.querySelectorAll("[data-view]"))
  button.addEventListener("click", () => (read(button.dataset.view), draw("table")));
page.querySelector("details").addEventListener("toggle", () => draw("rows"));

const cell = { position: 0, column: 0 };
function point(position, column) {
  cell.position = Math.max(0, Math.min(view.length - 1, position));
  cell.column = Math.max(0, Math.min(view.width - 1, column));
  const { width, base, layout, length } = view, omega = frequencies(width, base);
  const i = omega.findIndex((_, k) => LAYOUTS[layout](k, width).includes(cell.column));
  const kind = LAYOUTS[layout](i, width)[0] === cell.column ? "sine" : "cosine";
  const value = encode(cell.position, width, base, layout)[cell.column].toFixed(6);
  $("cell").textContent =
    `Position ${cell.position}, dimension ${cell.column}: ${value} (${kind} of pair ${i}, wavelength ${count((2 * Math.PI) / omega[i])})`;
  const cross = page.querySelector(".cross");
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
draw("table");
