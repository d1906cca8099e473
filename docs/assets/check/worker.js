// Reads tables and says what made them, beside the page, which stays awake meanwhile.

import { MOST_ENTRIES, pasted, read, sizes, tensors } from "./files.js";
import { identify } from "./identify.js";
import { report } from "./report.js";

const MOST = 256; // rows and columns that are drawn
const FEWEST_ROWS = 8; // of a tensor that is offered

function mayBeTable(tensor) {
  const [rows, columns] = sizes(tensor) ?? [0, 0];
  return rows >= FEWEST_ROWS && columns > 1 && rows * columns <= MOST_ENTRIES;
}

onmessage = async ({ data: { id, list, file, tensor, text } }) => {
  try {
    if (list) return postMessage({ id, tensors: (await tensors(list)).map((one) => ({ ...one, mayBeTable: mayBeTable(one) })) });
    const x = text === undefined ? await read(file, tensor) : pasted(text), { make, ...found } = identify(x);
    postMessage({ id, text: report(found), ...pictures(x, make, found) });
  } catch (error) {
    postMessage({ id, error: error.message });
  }
};

/** The first rows and columns of the table, and of what its call makes. */
function pictures(x, make, { scale }) {
  const rows = Math.min(x.rows, MOST), columns = Math.min(x.columns, MOST);
  const drawn = (entry) => Float32Array.from({ length: rows * columns }, (_, at) => entry(Math.floor(at / columns), at % columns));
  const seen = drawn((r, c) => x.data[r * x.columns + c]);
  const most = scale || seen.reduce((most, entry) => (Number.isFinite(entry) ? Math.max(most, Math.abs(entry)) : most), 0) || 1;
  return { rows, columns, most, seen, made: make && drawn(make) };
}
