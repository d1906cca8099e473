// Matrices, number formats, and numbers written as Python writes them.

/** Rows of numbers in double precision. */
export class Matrix {
  constructor(rows, columns, data = new Float64Array(rows * columns)) {
    Object.assign(this, { rows, columns, data });
  }
  /** These rows, in a matrix of its own. */
  take(index) {
    const made = new Matrix(index.length, this.columns);
    index.forEach((row, r) => made.data.set(this.row(row), r * this.columns));
    return made;
  }
  row(r) {
    return this.data.subarray(r * this.columns, (r + 1) * this.columns);
  }
  /** These columns, in a matrix of its own. */
  pick(columns) {
    const made = new Matrix(this.rows, columns.length), { data } = this;
    for (let r = 0, k = 0; r < this.rows; r++) for (const c of columns) made.data[k++] = data[r * this.columns + c];
    return made;
  }
}

export const range = (count, start = 0) => Array.from({ length: count }, (_, i) => start + i);
export const sum = (values) => values.reduce((total, x) => total + x, 0);
export const largest = (values) => values.reduce((most, x) => Math.max(most, Math.abs(x)), 0);

/** Round to the nearest integer, halves to the even one, as Python and torch do. */
export const round = (x) => {
  const near = Math.round(x);
  return near - x === 0.5 && near % 2 ? near - 1 : near;
};

/** The remainder with the sign of the divisor. */
export const modulo = (x, size) => x - size * Math.floor(x / size);

// Number formats: a significand of so many bits, and the power of two of the smallest number. -------------------------

function shorten(x, bits, lowest) {
  const size = Math.abs(x);
  if (!(size > 0 && size < Infinity)) return x;
  let exponent = Math.floor(Math.log2(size));
  if (2 ** exponent > size) exponent--; // the logarithm is rounded, too
  else if (2 ** (exponent + 1) <= size) exponent++;
  const unit = 2 ** Math.max(exponent - bits + 1, lowest);
  return round(x / unit) * unit;
}
/** A float64 number rounded once. */
export const ONCE = { bfloat16: (x) => shorten(x, 8, -133), float16: (x) => shorten(x, 11, -24), float32: Math.fround, float64: (x) => x };
/** The same as torch casts: to 16 bits by way of float32. */
export const CAST = { ...ONCE, bfloat16: (x) => ONCE.bfloat16(Math.fround(x)), float16: (x) => ONCE.float16(Math.fround(x)) };

// Numbers as Python writes them. --------------------------------------------------------------------------------------

const exponential = (text) => text.replace(/e([+-])(\d)$/, "e$10$2");

/** As `repr` does: the fewest digits that are this number. */
export function repr(x) {
  const exponent = Number(x.toExponential().split("e")[1]);
  if (exponent < -4 || exponent >= 16) return exponential(x.toExponential());
  const text = String(x);
  return Number.isInteger(x) ? `${text}.0` : text.includes("e") ? x.toFixed(20).replace(/0+$/, "") : text;
}

/** The same, whole numbers without a point. */
export const number = (x) => (Number.isInteger(x) && Math.abs(x) < 1e15 ? String(x) : repr(x));

/** As `f"{x:.{digits}g}"`. */
export function general(x, digits) {
  const [, exponent] = x.toExponential(digits - 1).split("e").map(Number);
  if (x !== 0 && (exponent < -4 || exponent >= digits)) return exponential(x.toExponential(digits - 1).replace(/\.?0+e/, "e"));
  const text = x.toFixed(Math.max(digits - 1 - exponent, 0));
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

/** With commas between thousands. */
export const grouped = (text) => text.replace(/^-?\d+/, (whole) => whole.replace(/\B(?=(\d{3})+$)/g, ","));

/** As `f"{x:.1e}"`. */
export const scientific = (x) => exponential(x.toExponential(1));

/** The number of so many significant digits that is nearest. */
export const shortened = (x, digits) => Number(x.toExponential(digits - 1));
