// The encoding in double precision, as the page Explorer computes it.

/** The two columns of pair i, its sine and its cosine, by layout. */
export const LAYOUTS = {
  interleaved: (i, width) => [2 * i, 2 * i + 1],
  sin_cos: (i, width) => [i, i + width / 2],
  cos_sin: (i, width) => [i + width / 2, i],
};

/** The pair that a column belongs to, and whether it is its sine (0) or its cosine (1). */
export function pairOf(column, width, layout) {
  const columns = Array.from({ length: width / 2 }, (_, i) => LAYOUTS[layout](i, width));
  const i = columns.findIndex((two) => two.includes(column));
  return [i, columns[i].indexOf(column)];
}

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

/** Cosine similarity of two rows that are `distance` positions apart. */
export const similarity = (distance, width, base) =>
  frequencies(width, base).reduce((sum, w) => sum + Math.cos(distance * w), 0) / (width / 2);

/** Hand the sine and the cosine of a frequency to `put`, at `count` positions from `first` on. */
export function turn(w, first, count, put) {
  const stepSine = Math.sin(w), stepCosine = Math.cos(w);
  let sine = 0, cosine = 1;
  for (let k = 0; k < count; k++) {
    // A shift is a rotation, so a row follows from the one before; now and then afresh, or errors would add up.
    if (k % 64 === 0) [sine, cosine] = [Math.sin((first + k) * w), Math.cos((first + k) * w)];
    put(k, sine, cosine);
    const next = sine * stepCosine + cosine * stepSine;
    cosine = cosine * stepCosine - sine * stepSine;
    sine = next;
  }
}

const AT_ONCE = 4096; // distances, which take a few milliseconds at the largest width

/** The smallest distance at which similarity is negative; nothing if it is no longer wanted before it is found. */
export async function firstNegative(width, base, isWanted) {
  for (let first = 0; isWanted(); first += AT_ONCE) {
    const sums = new Float64Array(AT_ONCE);
    for (const w of frequencies(width, base)) turn(w, first, AT_ONCE, (k, sine, cosine) => { sums[k] += cosine; });
    const found = sums.findIndex((sum) => sum < 0);
    if (found >= 0) return first + found;
    await new Promise((resolve) => setTimeout(resolve));
  }
}
