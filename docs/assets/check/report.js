// What is found, in words and as a call that runs. A port of pe/doctor/report.py.

import { DOUBLE, columnsOf } from "./estimate.js";
import { frequenciesOf } from "./naming.js";
import { ONCE, general, grouped, number, range, repr, round, scientific, sum } from "./numbers.js";

function baseText(base, named, spacing, width) {
  if (base === named) return number(named);
  if (spacing === "tensor2tensor") return `${number(named)} ** (${width} / ${width - 2})`;
  return Number.isNaN(named) ? repr(base) : `${number(named)} ** (${width} / ${width + 1})`;
}

function stepText(step, n) {
  const sign = step < 0 ? "-" : "", size = Math.abs(step), gaps = Math.max(n - 1, 1);
  const named = [
    [(2 * Math.PI) / n, `2 * math.pi / ${n}`], [1 / gaps, `1 / ${n - 1}`], [1 / n, `1 / ${n}`],
    [(2 * Math.PI) / gaps, `2 * math.pi / ${n - 1}`], [Math.PI / 180, "math.pi / 180"],
  ].find(([value]) => size === value && size !== 1);
  return named ? `(${sign}${named[1]})` : sign + number(size);
}

/** `n` positions, `counted` of which were those that a step such as 2π/n goes by. */
function positionsText(n, offset, step, counted) {
  const whole = Number.isInteger;
  if (step === 1 && whole(offset))
    return offset ? `torch.arange(${number(offset)}, ${number(offset + n)})` : `torch.arange(${n})`;
  const text = stepText(step, counted), first = round(offset / step);
  if (offset === first * step && (!whole(step) || !offset)) {
    const count = first ? `torch.arange(${first}, ${first + n}` : `torch.arange(${n}`;
    return whole(step) ? `${count}) * ${text}` : `${count}, dtype=torch.float64) * ${text}`;
  }
  const count = whole(step) && whole(offset) ? `torch.arange(${n})` : `torch.arange(${n}, dtype=torch.float64)`;
  return step !== 1 ? `${count} * ${text} + ${number(offset)}` : `${count} + ${number(offset)}`;
}

/** The call that makes a table. */
export function written(n, width, base, layout = "interleaved", { said = "", positions = "", offset = 0, form = "float32", scale = 1, shift = 0 } = {}) {
  const turned = layout === "interleaved, cosines first", odd = turned && width % 2 === 1, made = width + (odd ? 1 : 0);
  said ||= number(base);
  if (odd) said = `(${said}) ** (${width + 1} / ${width})`;
  const based = said !== "10000" ? `, base=${said}` : "", isPlain = scale === 1 && !shift;
  const ordered = layout === "sin_cos" || layout === "cos_sin" ? `, layout='${layout}'` : "";
  const dtype = ["bfloat16", "float16", "float64"].includes(form) ? `torch.${form}` : "";
  const typed = dtype && (isPlain || form === "float64") ? `, dtype=${dtype}` : "";
  const first = offset ? `, offset=${number(offset)}` : "";
  let text = positions
    ? `pe.encode_positions(${positions}, ${made}${based}${ordered}${typed})`
    : `pe.generate_position_encoding(${n}, ${made}${based}${based && !ordered ? typed + first : first + ordered + typed})`;
  if (turned) text += `.unflatten(1, (-1, 2)).flip(2).flatten(1)${odd ? "[:, :-1]" : ""}`;
  if (scale !== 1) {
    const simple = scale === width ** -0.5 ? `${width}**-0.5` : scale === (2 / width) ** 0.5 ? `(2 / ${width}) ** 0.5` : repr(scale);
    text += ` * ${simple}`;
  }
  if (shift) text += ` ${shift < 0 ? "-" : "+"} ${repr(Math.abs(shift))}`;
  return isPlain || !["bfloat16", "float16"].includes(form) ? text : `(${text}).to(${dtype})`;
}

/** How to write what was found: its positions, if they need words, and a function from these to the call. */
function parts({ law, pairs, positions: all, written: how, again, fit }) {
  const n = pairs.rows.at(-1) + 1, { width } = pairs;
  let positions = "";
  if (all && !how) {
    const shown = new Array(n).fill(0);
    pairs.rows.forEach((row, r) => { shown[row] = all[r]; });
    const whole = shown.every(Number.isInteger);
    positions = `torch.tensor([${shown.map((p) => (whole ? String(p) : repr(p))).join(", ")}]${whole ? ")" : ", dtype=torch.float64)"}`;
  } else if (law.step !== 1 || !Number.isInteger(law.offset) || (how !== "{}" && again)) {
    positions = positionsText(n, law.offset, law.step, pairs.rows.at(-1) - pairs.rows[0] + 1);
    if (again) positions = how.replace("{}", () => positions);
  }
  const said = baseText(law.base, law.named, law.spacing, width), { scale, shift } = fit;
  const settings = { said, offset: law.offset, form: pairs.format.name, scale, shift };
  return { n, positions, write: (positions) => written(n, width, law.base, pairs.layout, { ...settings, positions }) };
}

/** The call that makes what was found, in all rows from number 0 to the last that is not blank. */
export function callOf(found) {
  const { positions, write } = parts(found);
  return write(positions);
}

/** What a grid says of one of its axes: the positions, and the call with @ in their place. */
export function alongAxis(found) {
  const { n, positions, write } = parts(found);
  return [positions || positionsText(n, found.law.offset, 1, n), write("@")];
}

/** The table that a call makes, in the rows that are not blank, entry by entry. */
export function maker(positions, width, base, layout = "interleaved", { form = "float32", scale = 1, shift = 0 } = {}) {
  const omega = frequenciesOf(base, width, (width + 1) >> 1), [sines, cosines] = columnsOf(width, layout), isPlain = scale === 1 && !shift;
  const wide = form === "float64", cast = wide ? ONCE.float64 : Math.fround;
  const once = wide || (isPlain && ONCE[form]) ? ONCE[form] : Math.fround, last = ONCE[form] ?? Math.fround;
  const place = new Array(width);
  sines.forEach((c, i) => { place[c] = [omega[i], Math.sin]; });
  cosines.forEach((c, i) => { place[c] = [omega[i], Math.cos]; });
  return (r, c) => {
    const [w, of] = place[c], entry = once(of(positions[r] * w));
    if (isPlain) return entry;
    const scaled = scale === 1 ? entry : cast(entry * cast(scale));
    return last(shift ? cast(scaled + cast(shift)) : scaled);
  };
}

/** The call for a grid whose axes are `parts`. */
export function gridCall(parts, blocks, width) {
  const axes = parts.length, [{ along: [, call] }] = parts;
  if (parts.some(({ along }) => along[1] !== call)) return "";
  if (parts[0].layout === "interleaved, cosines first") return ""; // none makes it
  let places = `torch.cartesian_prod(${parts.map(({ along }) => along[0]).join(", ")})`;
  if (blocks.slice(0, axes).some((axis, i) => axis !== i)) places += `[:, [${blocks.slice(0, axes).join(", ")}]]`;
  const text = call.replace("@", places).replace(/.*[^)]$/, "($&)"); // in brackets if it is scaled
  if (blocks.length === 2 * axes) return `${text}.unflatten(2, (2, -1)).transpose(1, 2).flatten(1)`;
  return `${text}.flatten(1)${parts.reduce((total, part) => total + part.shape[1], 0) === width ? "" : `[:, :${width}]`}`;
}

/** What was found with the rows and the column that are blank. */
export function completed(found, rows, real, lone) {
  const [n, width] = found.shape, isReal = new Set(real), last = real.at(-1), below = rows - 1 - last;
  const missing = range(last).filter((row) => !isReal.has(row));
  let change = (text) => {
    if (missing.length) text = `(${text}).index_fill(0, torch.tensor([${missing.join(", ")}]), 0)`;
    return below ? `torch.nn.functional.pad(${text}, (0, 0, 0, ${below}))` : text;
  };
  if (found.axes.length && real[0]) change = (text) => `torch.nn.functional.pad(${text}, (0, 0, ${real[0]}, ${below}))`;
  const wider = (text) => (lone ? `torch.nn.functional.pad(${text}, (0, 1))` : text);
  const complete = (text) => (text ? wider(change(text)) : text);
  const said = [found.why], faults = [...found.faults];
  if (real.length < rows) said.push(`Blank rows: ${rows - real.length}.`);
  if (lone && found.sinusoidal) {
    said.push("The last column is blank, as libraries leave it at an odd width.");
    faults.push("An odd width");
  }
  const alternatives = (found.axes.length && real[0] ? [] : found.alternatives).map(complete);
  return { ...found, shape: [rows, width + (lone ? 1 : 0)], call: complete(found.call), alternatives, why: said.join(" "), faults };
}

/** Why the table differs from exact values as it does. */
export function reason(found) {
  const { pairs, drift, again, written: how } = found, form = pairs.format.name;
  if (!again) return `It fits to the digit if that was computed in ${how}.`;
  if (pairs.noise) return `It fits up to noise of ${((100 * pairs.noise) / pairs.radius).toFixed(1)}% of the amplitude.`;
  if (pairs.centre && isNormalised([...pairs.sines.data, ...pairs.cosines.data]))
    return "Its mean was subtracted and it was divided by ten times its deviation, as PatchTST does.";
  if (drift === DOUBLE) return `Every entry is the exact value, rounded to ${form}.`;
  return `It is as far from the exact values as angles computed in float32 are${form === "float32" ? "" : `, kept in ${form}`}.`;
}

/** Whether mean and deviation are 0 and 0.1. */
function isNormalised(entries) {
  const mean = sum(entries) / entries.length, deviation = Math.sqrt(sum(entries.map((v) => (v - mean) ** 2)) / (entries.length - 1));
  return Math.abs(mean) < 1e-4 && Math.abs(deviation - 0.1) < 1e-4;
}

/** The answer for a person, with the names of layouts and of who uses which, `words` as the page has them. */
export function report(found, words) {
  const [rows, width] = found.shape, lines = [];
  const verdict = found.sinusoidal ? "A sinusoidal position encoding" : found.sinusoidal === null ? "Undecided" : "Not a sinusoidal position encoding";
  lines.push(`${verdict}: ${grouped(String(rows))} rows, ${grouped(String(width))} columns.`);
  if (found.layout !== null) lines.push(...settings(found, words.columns), ...who(found, words));
  lines.push(found.why);
  if (found.frequencies.length) {
    const shown = found.frequencies.slice(0, 6).map((omega) => general(omega, 4)).join(", ");
    lines.push(`Radians per row: ${shown}${found.frequencies.length > 6 ? ", …" : ""}.`);
  }
  if (found.faults.length) lines.push(`Faults, explained on the page Bugs: ${found.faults.join("; ")}.`);
  if (found.call && found.error !== null) {
    const made = found.error ? `This call makes it again to within ${scientific(found.error)}:` : "This call makes it again:";
    const meant = found.error > 0.2 * Math.abs(found.scale || 1);
    lines.push(meant ? "What was meant, it seems:" : made, `    ${short(found.call)}`);
  }
  if (found.alternatives.length) {
    lines.push("At this size and in this format it cannot be told from:");
    lines.push(...found.alternatives.slice(0, 5).map((other) => `    ${short(other)}`));
  }
  return lines.filter(Boolean).join("\n");
}

const short = (text) => (text.length <= 300 ? text : `${text.slice(0, 200)} … ${text.slice(-60)}`);

function settings(found, columns) {
  const lines = [], { axes } = found;
  for (const [axis, part] of (axes.length ? axes : [found]).entries()) {
    if (part.base === null || part.baseRange === null || part.offset === null) continue;
    const width = part.shape[1], [low, high] = part.baseRange, name = axes.length ? `Axis ${axis} of ${axes.length}, ${part.shape[0]} places: ` : "";
    let base = grouped(general(part.base, 10));
    if (part.spacing === "tensor2tensor")
      base = `${grouped(general(ownBase(part), 6))} in the spacing of tensor2tensor, ${grouped(part.base.toFixed(2))} as \`base=\``;
    if (width === 2) base = "any, as there is one frequency";
    else if (high / low > 1.001) base += ` (anything from ${grouped(general(low, 6))} to ${grouped(general(high, 6))} fits)`;
    const where = part.step === null
      ? "positions that are not evenly spaced"
      : `first position ${say(part.offset, part.shape[0])}, step ${say(part.step, part.shape[0])}`;
    lines.push(`${name}Layout ${part.layout} (${columns[part.layout]}); base ${base}; ${where}.`);
  }
  if (found.order.length) lines.push(`Blocks of columns, by axis: ${found.order.join(", ")}.`);
  if (found.scale !== null && (found.scale !== 1 || found.shift))
    lines.push(`Amplitude ${general(found.scale, 6)}${found.shift ? `, shifted by ${general(found.shift, 6)}.` : "."}`);
  return lines;
}

/** A number as a person would write it. */
const say = (x, rows) => stepText(x, rows).replaceAll("math.pi", "π").replaceAll("2 * π", "2π").replace(/^[()]+|[()]+$/g, "");

const ownBase = ({ base, spacing, shape: [, width] }) => (spacing === "tensor2tensor" ? base ** ((width - 2) / width) : base);

function who(found, { who, grid }) {
  if (found.faults.length || found.shift) return [];
  if (!(Math.abs(ownBase(found.axes[0] ?? found) / 1e4 - 1) <= 1e-9)) return ["The base is not the usual 10,000."];
  const builder = found.order.length ? grid[`${found.layout} ${found.order}`] : found.step === 1 && who[`${found.layout} ${found.spacing}`];
  return builder ? [`So built by ${builder}. The page Conventions has them all.`] : [];
}
