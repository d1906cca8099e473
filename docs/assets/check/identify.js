// The laws turned round: what made a table. A port of pe/doctor/identify.py, with the same answers.

import { blocksOf, mixedUp, sizesOfGrid, stride } from "./columns.js";
import { FEWEST_CLOCKS, OUTLIERS, numberFormat, pairings } from "./estimate.js";
import { baseRange, nearlyLawful, otherSpeeds, search } from "./naming.js";
import { grouped, largest, range, round } from "./numbers.js";
import { alongAxis, callOf, completed, gridCall, maker, reason, report, written } from "./report.js";

const LAYOUTS = ["interleaved", "sin_cos", "cos_sin"];
const EMPTY = {
  why: "", layout: null, base: null, baseRange: null, spacing: null, offset: null, step: null, scale: null, shift: 0,
  axes: [], order: [], faults: [], error: null, call: "", alternatives: [], frequencies: [],
};
const answer = (x, sinusoidal, why, more = {}) => ({ ...EMPTY, sinusoidal, shape: [x.rows, x.columns], why, ...more });

/**
 * What made a table, a Matrix. `make(row, column)` of the answer is what its call makes, or null if there is none.
 *
 * All other names are those of the attributes of `pe.identify(table)`, and `report(answer)` is what it prints.
 */
export function identify(x) {
  const infinite = x.data.reduce((count, entry) => count + !Number.isFinite(entry), 0);
  if (infinite) {
    const why = `${grouped(String(infinite))} of ${grouped(String(x.data.length))} entries are not finite.`;
    return answer(x, null, why, { faults: x.columns === 2 ? ["NaN at width 2"] : [] });
  }
  const rows = range(x.rows).filter((r) => x.row(r).some(Boolean));
  if (!rows.length) {
    const why = "All entries are zero: nobody has filled it, or somebody has overwritten it.";
    return answer(x, false, why, { faults: ["The table is initialised away"] });
  }
  const integers = entriesCastToIntegers(x);
  if (integers) return measured(integers, x, range(x.rows));
  const lone = x.columns > 1 && x.columns % 2 === 1 && range(x.rows).every((r) => !x.data[(r + 1) * x.columns - 1]);
  const filled = x.take(rows).pick(range(x.columns - lone));
  const found = (rows.at(-1) - rows[0] === rows.length - 1 && grid(filled)) ||
    sequence(filled, Float64Array.from(rows)) || faulty(x, rows) ||
    (filled.rows < 3 || filled.columns < 4
      ? answer(filled, null, "It is too small to tell.")
      : answer(filled, false, "No pairs of its columns are sine and cosine of one angle."));
  return measured(completed(found, x.rows, rows, lone), x, rows);
}

/** What is found, with how far the table is from what its call makes. */
function measured(found, x, rows) {
  if (!found.call || !found.make) return { ...found, make: null };
  const place = new Int32Array(x.rows).fill(-1), width = found.madeWidth ?? x.columns;
  rows.forEach((row, r) => { place[row] = r; });
  const make = (row, column) => (place[row] >= 0 && column < width ? found.make(place[row], column) : 0);
  let error = 0;
  for (let r = 0, at = 0; r < x.rows; r++) for (let c = 0; c < x.columns; c++) error = Math.max(error, Math.abs(make(r, c) - x.data[at++]));
  return { ...found, make, error };
}

/** What a table is whose rows are one position each, or null if it is no sines and cosines. */
function sequence(x, rows) {
  const seen = pairings(x, rows, numberFormat(x)), found = search(seen);
  return found ? named(found) : other(seen, x);
}

function named(found) {
  const { law, pairs, fit } = found, { width, layout } = pairs, call = callOf(found);
  const positions = found.positions ?? pairs.rows.map((row) => law.offset + law.step * row);
  const faults = [...found.faults];
  if (!LAYOUTS.includes(layout)) faults.push("Sines and cosines exchanged");
  if (law.named === 1e-4) faults.push("A lost minus");
  if (law.named === 1e8) faults.push("The exponent counts columns instead of pairs");
  if (law.base === 1 || Math.abs(Math.log(law.base) / width - 1) < 1e-6) faults.push("An integer division in the exponent");
  const others = found.rivals.map(callOf);
  return answer({ rows: pairs.rows.length, columns: width }, found.sure ? true : null, reason(found), {
    layout, call, along: alongAxis(found), base: law.base, spacing: law.spacing, offset: positions[0], scale: fit.scale, shift: fit.shift,
    baseRange: baseRange(found),
    step: !found.positions || found.written ? law.step : null,
    faults: [...new Set(faults)],
    alternatives: [...new Set(others)].filter((one) => one !== call),
    madeWidth: width,
    make: maker(positions, width, law.base, layout, { form: pairs.format.name, scale: fit.scale, shift: fit.shift }),
  });
}

/** What is said of columns that are on circles, but by no law of this encoding. */
function other(seen, x) {
  for (const pairs of seen) {
    const turns = otherSpeeds(pairs);
    if (turns && nearlyLawful(pairs))
      return answer(x, null, "Its columns are sinusoids of frequencies near a law of this encoding, but none fits to the digit.");
    if (turns && pairs.clocks >= FEWEST_CLOCKS)
      return answer(x, false, "Its columns are sinusoids of other frequencies.", { frequencies: [...turns] });
    if (!pairs.noise) return answer(x, null, "Its columns are pairs of a sine and a cosine, but their angles follow no law that shows.");
  }
  return null;
}

/** What a table is whose columns were mixed up. */
function faulty(x, rows) {
  const mixed = mixedUp(x, numberFormat(x));
  if (!mixed) return null;
  const { fault, base, scale } = mixed, alone = fault.endsWith("alone");
  const why = alone
    ? "Half of the encoding is missing; the caches of rotary encodings are such tables."
    : "Its columns are sinusoids of the right frequencies, but each of its own angle.";
  const call = written(x.rows, x.columns, base, "interleaved", { scale });
  return answer(x, !alone, why, {
    base, scale, call, offset: 0, step: 1, baseRange: [base, base], faults: [fault],
    make: maker(rows, x.columns, base, "interleaved", { scale }),
  });
}

/** What a table is whose entries were cast to integers. */
function entriesCastToIntegers(x) {
  const { rows: n, columns: width, data } = x;
  if (n < 8 || width < 8 || largest(data) !== 1 || !data.every(Number.isInteger)) return null;
  for (const layout of LAYOUTS) {
    const make = maker(range(n), width, 1e4, layout);
    for (const cast of [round, Math.trunc]) {
      let same = 0;
      for (let r = 0; r < n; r++) for (let c = 0; c < width; c++) same += cast(make(r, c)) === data[r * width + c];
      if (same / data.length > 1 - OUTLIERS / 4)
        return answer(x, data.some((entry) => entry < 0) ? true : null, "It is what casting to integers leaves of the encoding.", {
          layout, make, base: 1e4, baseRange: [1e4, 1e4], spacing: "paper", offset: 0, step: 1, scale: 1,
          faults: ["Entries cast to integers"], call: written(n, width, 1e4, layout),
        });
    }
  }
  return null;
}

/** What a table is whose rows are the places of a grid, or null if it is no grid. */
function grid(x) {
  const sizes = sizesOfGrid(x);
  if (sizes.length === 1) return null;
  const [blocks, axisOf] = blocksOf(x, sizes), axes = blocks.slice(0, sizes.length), parts = [];
  const isGrid = [...axes].sort().every((axis, k) => axis === k) && axes.length === sizes.length;
  if (!isGrid || !["", `,${axes}`].some((again) => String(blocks) === axes + again)) return null;
  const own = sizes.map((_, axis) => range(x.columns).filter((c) => axisOf[c] === axis));
  for (const [axis, size] of sizes.entries()) {
    const step = stride(sizes, axis);
    const part = sequence(x.take(range(size).map((r) => r * step)).pick(own[axis]), Float64Array.from({ length: size }, (_, r) => r));
    if (!part || part.sinusoidal === false || !part.call) return null;
    parts.push(part);
  }
  if (new Set(parts.map(({ layout }) => layout)).size > 1) return null;
  const make = (r, c) => {
    const axis = axisOf[c];
    return parts[axis].make(Math.floor(r / stride(sizes, axis)) % sizes[axis], own[axis].indexOf(c));
  };
  return {
    ...parts[0],
    sinusoidal: parts.some((part) => part.sinusoidal === null) ? null : true,
    shape: [x.rows, x.columns],
    axes: parts,
    order: blocks,
    faults: [...new Set(parts.flatMap((part) => part.faults))],
    call: gridCall(parts, blocks, x.columns),
    alternatives: [],
    madeWidth: x.columns,
    make,
  };
}
