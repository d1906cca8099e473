// Faults that mix up columns, and the columns of grids. A port of pe/doctor/columns.py.

import { SINGLE } from "./estimate.js";
import { nice } from "./naming.js";
import { largest, range } from "./numbers.js";

/** Fault, base and scale of a table from position 0 on in which each column has an angle of its own. */
export function mixedUp(all, format) {
  const { rows: n, columns: width } = all, middle = Math.floor(width / 2);
  if (n < 4 || width < 8) return null;
  const twice = (other) => range(width).every((c) => range(n).every((r) => all.data[r * width + c] === all.data[r * width + other(c)]));
  let x = all; // of sines alone, each may be there twice
  if (width % 2 === 0 && twice((c) => c - (c % 2))) x = all.pick(range(middle).map((c) => 2 * c));
  else if (width % 2 === 0 && twice((c) => c % middle)) x = all.pick(range(middle));
  const k = x.columns, columns = range(k), kinds = [(c) => c % 2 === 0, () => true, () => false].slice(k === width ? 0 : 1);
  for (const isSine of kinds) {
    const cosines = columns.filter((c) => !isSine(c)), alone = cosines.length === k || !cosines.length;
    const scale = cosines.length ? cosines.reduce((total, c) => total + x.data[c], 0) / cosines.length : 1;
    const omega = columns.map((c) => {
      const side = Math.min(Math.max(x.data[k + c] / (scale || 1), -1), 1);
      return isSine(c) ? Math.asin(side) : Math.acos(side);
    });
    const told = columns.filter((c) => c > 0 && omega[c] > 1e-3 && (alone || isSine(c)));
    const over = (f) => told.reduce((total, c) => total + f(c / k, c), 0);
    const slope = -over((share, c) => share * Math.log(omega[c])) / over((share) => share ** 2), estimated = Math.exp(slope);
    if (!(slope > 0 && slope < 60)) continue;
    for (const [base] of nice(estimated, estimated * 0.75, estimated * 1.25, [1e4, 1e8])) {
      const fits = columns.every((c) => {
        const w = base ** (-c / k), drift = SINGLE * (3 + (3 * Math.log(base) * c) / k) * Math.abs(scale);
        return range(n).every((r) => {
          const entry = x.data[r * k + c], angle = r * w;
          const left = Math.abs(entry - scale * (isSine(c) ? Math.sin(angle) : Math.cos(angle)));
          return left <= (format.relative + 4 * SINGLE) * Math.abs(entry) + format.absolute + drift * angle;
        });
      });
      if (!fits) continue;
      if (alone) return { fault: "Sines or cosines alone", base, scale };
      if (base === 1e8) return { fault: "The exponent counts columns instead of pairs", base: 1e4, scale }; // its root
      return { fault: "A frequency for each column", base, scale };
    }
  }
  return null;
}

const closeness = (x) => 4 * SINGLE * largest(x.data);

/** How many rows each axis of a grid has, that of the slowest first; for a sequence only the one number. */
export function sizesOfGrid(x) {
  const { rows: n, columns: k, data } = x, close = closeness(x), columns = range(k);
  const changes = (r, c) => Math.abs(data[r * k + c] - data[(r - 1) * k + c]) > close;
  const moving = columns.map((c) => range(n - 1, 1).some((r) => changes(r, c)));
  for (const width of range(Math.floor(n / 2) - 1, 2)) {
    if (n % width) continue;
    const stays = columns.map((c) => range(n - 1, 1).every((r) => r % width === 0 || !changes(r, c)));
    const slow = columns.filter((c) => stays[c]), fast = columns.filter((c) => !stays[c]);
    if (!slow.some((c) => moving[c]) || !fast.length) continue;
    const again = range(n - width, width).every((r) => fast.every((c) => Math.abs(data[r * k + c] - data[(r - width) * k + c]) <= close));
    if (again) return [...sizesOfGrid(x.take(range(n / width).map((r) => r * width)).pick(slow)), width];
  }
  return [n];
}

/** Of how many rows one step along an axis is. */
export const stride = (sizes, axis) => sizes.slice(axis + 1).reduce((a, b) => a * b, 1);

/** The axis of each block of neighbouring columns, and of each column; what never changes belongs to the block before. */
export function blocksOf(x, sizes) {
  const { rows: n, columns: k, data } = x, close = closeness(x), axisOf = new Array(k).fill(null);
  sizes.forEach((size, axis) => {
    const step = stride(sizes, axis);
    for (let r = step; r < n; r++)
      if (Math.floor(r / step) % size)
        for (let c = 0; c < k; c++) if (Math.abs(data[r * k + c] - data[(r - step) * k + c]) > close) axisOf[c] = axis;
  });
  axisOf.forEach((axis, c) => { axisOf[c] = axis ?? axisOf[c - 1] ?? -1; });
  return [axisOf.filter((axis, c) => axis !== axisOf[c - 1]), axisOf];
}
