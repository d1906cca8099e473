// Reads tables and says what made them, beside the page, which stays awake meanwhile.

import { MOST_ENTRIES, pasted, read, sizes, tensors } from "./files.js";
import { identify } from "./identify.js";
import { maker, report } from "./report.js";

const MOST = 256; // rows and columns that are drawn
const WRONG_BASE = ["A lost minus", "The exponent counts columns instead of pairs", "An integer division in the exponent"];

/** Whether a tensor is offered: it has eight rows or more. */
function mayBeTable(tensor) {
  const [rows, columns] = sizes(tensor) ?? [0, 0];
  return rows >= 8 && columns > 1 && rows * columns <= MOST_ENTRIES;
}

onmessage = async ({ data: { id, list, file, tensor, text, words } }) => {
  try {
    if (list) return postMessage({ id, tensors: (await tensors(list)).map((one) => ({ ...one, mayBeTable: mayBeTable(one) })) });
    const x = text === undefined ? await read(file, tensor) : pasted(text), { make, ...found } = identify(x);
    postMessage({ id, text: report(found, words), ...pictures(x, make, found) });
  } catch (error) {
    postMessage({ id, error: error.message });
  }
};

/** What a table with a fault should be, the formula at its positions, or null if its call makes that already. */
function meant(x, { faults, layout, base, offset, step, scale }) {
  if (!faults.length || layout === null || offset === null) return null;
  const positions = Array.from({ length: x.rows }, (_, row) => offset + (step ?? 1) * row);
  const right = faults.some((fault) => WRONG_BASE.includes(fault)) ? 10_000 : base;
  return maker(positions, x.columns, right, layout === "interleaved, cosines first" ? "interleaved" : layout, { scale });
}

/** The first rows and columns of the table, and of what its call makes or, if it has a fault, of what it should be. */
function pictures(x, make, found) {
  const rows = Math.min(x.rows, MOST), columns = Math.min(x.columns, MOST);
  const drawn = (entry) => Float32Array.from({ length: rows * columns }, (_, at) => entry(Math.floor(at / columns), at % columns));
  const seen = drawn((r, c) => x.data[r * x.columns + c]);
  const should = meant(x, found), second = should ?? make;
  const most = found.scale || seen.reduce((most, entry) => (Number.isFinite(entry) ? Math.max(most, Math.abs(entry)) : most), 0) || 1;
  return { rows, columns, most, seen, second: second && drawn(second), faulty: should !== null };
}
