// Tables out of files and out of text. Of a file no more is read than its header and the one table asked for.

import { Matrix } from "./numbers.js";

export const MOST_ENTRIES = 2 ** 24; // of a table that a browser can hold several copies of
const MOST_HEADER = 100e6; // bytes, as the library safetensors has it

const bfloat16 = (view, at) => {
  view.setUint32(0, view.getUint16(at, true) << 16); // the first four bytes are kept free for this
  return view.getFloat32(0);
};
const float16 = (view, at, little) => {
  const bits = view.getUint16(at, little), sign = bits & 0x8000 ? -1 : 1, exponent = (bits >> 10) & 31, part = bits & 1023;
  if (exponent === 31) return sign * (part ? NaN : Infinity);
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + part / 1024) : 2 ** -24 * part);
};
const get = (name) => (view, at, little) => Number(view[`get${name}`](at, little));
const READERS = {
  F64: [8, get("Float64")], F32: [4, get("Float32")], F16: [2, float16], BF16: [2, bfloat16],
  I64: [8, get("BigInt64")], I32: [4, get("Int32")], I16: [2, get("Int16")], I8: [1, get("Int8")],
  U64: [8, get("BigUint64")], U32: [4, get("Uint32")], U16: [2, get("Uint16")], U8: [1, get("Uint8")],
};

const bytes = async (file, start, stop) => new Uint8Array(await file.slice(start, stop).arrayBuffer());

/** The tensors in a file: name, type, shape, and where they are. */
export async function tensors(file) {
  if (/\.npy$/i.test(file.name)) return [await npy(file)];
  if (/\.safetensors$/i.test(file.name)) return safetensors(file);
  throw new Error(`${file.name} is neither .npy nor .safetensors. For others there is Python: python -m pe identify ${file.name}`);
}

async function safetensors(file) {
  const size = Number(new DataView((await bytes(file, 0, 8)).buffer).getBigUint64(0, true));
  if (!(size <= MOST_HEADER && 8 + size <= file.size)) throw new Error(`${file.name} has no header of safetensors.`);
  const header = JSON.parse(new TextDecoder().decode(await bytes(file, 8, 8 + size)));
  return Object.entries(header).flatMap(([name, { dtype, shape, data_offsets: [start, stop] = [] }]) =>
    name === "__metadata__" ? [] : [{ name, type: dtype, shape, start: 8 + size + start, stop: 8 + size + stop, little: true }]);
}

async function npy(file) {
  const head = new DataView((await bytes(file, 0, 12)).buffer);
  if (file.size < 12 || head.getUint32(0) !== 0x934e554d) throw new Error(`${file.name} does not begin as .npy files do.`);
  const long = head.getUint8(6) > 1, from = long ? 12 : 10, start = from + (long ? head.getUint32(8, true) : head.getUint16(8, true));
  const header = new TextDecoder().decode(await bytes(file, from, start));
  const [, order, kind, width] = /'descr': '([<>|=])(\w)(\d+)'/.exec(header) ?? [];
  const shape = (/'shape': \(([^)]*)\)/.exec(header)?.[1].match(/\d+/g) ?? []).map(Number);
  const byColumns = header.includes("'fortran_order': True");
  return { name: file.name, type: `${kind?.toUpperCase()}${8 * width}`, shape, start, stop: file.size, little: order !== ">", byColumns };
}

/** Rows and columns of a tensor, axes of length 1 left out; or null if it is no table. */
export function sizes({ shape, type }) {
  const kept = shape.length > 2 ? shape.filter((size) => size !== 1) : shape;
  return READERS[type] && kept.length === 2 && kept[0] && kept[1] ? kept : null;
}

/** A table of a file. */
export async function read(file, tensor) {
  const size = sizes(tensor);
  if (!READERS[tensor.type]) throw new Error(`${tensor.name} holds ${tensor.type}, and a table holds real numbers.`);
  if (!size) throw new Error(`${tensor.name} has the shape (${tensor.shape.join(", ")}), and a table has rows and columns.`);
  const [rows, columns] = size, [width, value] = READERS[tensor.type], count = rows * columns;
  if (count > MOST_ENTRIES) throw new Error(`${tensor.name} is too large for a browser. Python can: python -m pe identify`);
  const stored = await bytes(file, tensor.start, tensor.start + count * width), view = new DataView(new ArrayBuffer(4 + stored.length));
  if (stored.length < count * width) throw new Error(`${file.name} ends too early.`);
  new Uint8Array(view.buffer).set(stored, 4);
  const x = new Matrix(rows, columns);
  for (let at = 0; at < count; at++) {
    const to = tensor.byColumns ? (at % rows) * columns + Math.floor(at / rows) : at;
    x.data[to] = value(view, 4 + at * width, tensor.little);
  }
  return x;
}

/** A table as numpy, torch, Python or a spreadsheet write it. */
export function pasted(text) {
  if (/\.\.\.|…/.test(text))
    throw new Error("Some numbers are left out (…). Print all: set_printoptions(threshold=10**9) of numpy or torch");
  const bare = text.replace(/\b(tensor|array)\(|,?\s*\b(dtype|device|grad_fn|requires_grad|shape)=(<[^>]*>|'[^']*'|\([^)]*\)|[\w.]+)|\)/g, " ");
  const lists = bare.includes("[") ? Array.from(bare.matchAll(/\[([^[\]]*)\]/g), ([, inside]) => inside) : bare.split("\n");
  const rows = lists.map((line) => line.split(/[\s,;]+/).filter(Boolean)).filter((row) => row.length);
  const isNumber = (word) => !Number.isNaN(Number(word)) || /^[+-]?(nan|inf|infinity)$/i.test(word);
  if (rows.length > 1 && !bare.includes("[") && !rows[0].some(isNumber)) rows.shift(); // the heads of columns
  if (!rows.length) throw new Error("There are no numbers.");
  const x = new Matrix(rows.length, rows[0].length);
  rows.forEach((row, r) => {
    if (row.length !== x.columns) throw new Error(`Row ${r} has ${row.length} numbers, but row 0 has ${x.columns}.`);
    row.forEach((word, c) => {
      if (!isNumber(word)) throw new Error(`Row ${r} holds “${word.slice(0, 40)}”, which is no number.`);
      x.data[r * x.columns + c] = /inf/i.test(word) ? (word.startsWith("-") ? -Infinity : Infinity) : Number(word);
    });
  });
  return x;
}
