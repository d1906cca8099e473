// Faults that mix up columns, and the columns of grids. A port of pe/doctor/columns.py.

import { SINGLE } from "./estimate.js";
import { nice } from "./naming.js";
import { largest, range } from "./numbers.js";

/** The fault of a table from position 0 on whose columns follow a wrong law, one by one. */
export function mixedUp(x, format) {
  const { rows: n, columns: width } = x, columns = range(width), half = Math.floor(width / 2), found = [];
  if (n < 4 || width < 8) return null;
  const pair = (c) => 2 * Math.floor(c / 2), even = (c) => c % 2 === 0;
  for (const [fault, share, isSine] of [
    ["The exponent counts columns instead of pairs", (c) => 2 * c, even],
    ["A frequency for each column", (c) => c, even],
    ...[pair, (c) => 2 * (c % half), (c) => c].flatMap((share) =>
      [true, false].map((sine) => ["Sines or cosines alone", share, () => sine])),
  ]) {
    const cosines = columns.filter((c) => !isSine(c)), exponent = columns.map((c) => share(c) / width);
    const scale = cosines.length ? cosines.reduce((total, c) => total + x.data[c], 0) / cosines.length : 1;
    const omega = columns.map((c) => {
      const entry = x.data[width + c], side = scale ? Math.min(Math.max(entry / scale, -1), 1) : entry;
      return isSine(c) ? Math.asin(side) : Math.acos(side);
    });
    const told = columns.filter((c) => exponent[c] > 0 && omega[c] > 1e-3 && (isSine(c) || cosines.length === width));
    const over = (f) => told.reduce((total, c) => total + f(c), 0);
    const slope = -over((c) => exponent[c] * Math.log(omega[c])) / over((c) => exponent[c] ** 2);
    if (!(slope > 0 && slope < 60)) continue;
    for (const [base] of nice(Math.exp(slope), Math.exp(slope) * 0.05, [1e4])) {
      const fits = columns.every((c) => {
        const w = base ** -exponent[c], drift = SINGLE * (3 + 3 * Math.log(base) * exponent[c]) * Math.abs(scale);
        return range(n).every((r) => {
          const entry = x.data[r * width + c], angle = r * w;
          const left = Math.abs(entry - scale * (isSine(c) ? Math.sin(angle) : Math.cos(angle)));
          return left <= (format.relative + 4 * SINGLE) * Math.abs(entry) + format.absolute + drift * Math.abs(angle);
        });
      });
      if (!fits) continue;
      found.push({ fault, base, scale });
      break;
    }
  }
  return found.find(({ base }) => base === 1e4) ?? found[0] ?? null;
}

const closeness = (x) => 4 * SINGLE * largest(x.data);

/** How many rows each axis of a grid has, that of the slowest first; for a sequence only the one number. */
export function grid(x) {
  const { rows: n, columns: k, data } = x, close = closeness(x), columns = range(k);
  const changes = (r, c) => Math.abs(data[r * k + c] - data[(r - 1) * k + c]) > close;
  const moving = columns.map((c) => range(n - 1, 1).some((r) => changes(r, c)));
  for (const width of range(Math.floor(n / 2) - 1, 2)) {
    if (n % width) continue;
    const stays = columns.map((c) => range(n - 1, 1).every((r) => r % width === 0 || !changes(r, c)));
    const slow = columns.filter((c) => stays[c]), fast = columns.filter((c) => !stays[c]);
    if (!slow.some((c) => moving[c]) || !fast.length) continue;
    const again = range(n - width, width).every((r) => fast.every((c) => Math.abs(data[r * k + c] - data[(r - width) * k + c]) <= close));
    if (again) return [...grid(x.take(range(n / width).map((r) => r * width)).pick(slow)), width];
  }
  return [n];
}

/** Of how many rows one step along an axis is. */
export const stride = (sizes, axis) => sizes.slice(axis + 1).reduce((a, b) => a * b, 1);

/** Which axis each column depends on, or -1 for one that is the same everywhere. */
export function axisOfColumns(x, sizes) {
  const { rows: n, columns: k, data } = x, close = closeness(x), found = new Array(k).fill(-1);
  sizes.forEach((size, axis) => {
    const step = stride(sizes, axis);
    for (let r = step; r < n; r++)
      if (Math.floor(r / step) % size)
        for (let c = 0; c < k; c++) if (Math.abs(data[r * k + c] - data[(r - step) * k + c]) > close) found[c] = axis;
  });
  return found;
}

/** The orders in which libraries put the columns of several axes: the blocks, and the axis of each column. */
export function orders(width, axes) {
  const found = [];
  for (const axis of permutations(range(axes)))
    for (const blocks of [axis, [...axis, ...axis]]) { // all of an axis; or sines of all axes, then cosines
      const once = blocks.length === axes, size = once ? Math.ceil(width / (2 * axes)) * 2 : Math.floor(width / blocks.length);
      const add = (size) => found.push([blocks, range(width).map((c) => blocks[Math.min(Math.floor(c / size), blocks.length - 1)])]);
      if (once || width % blocks.length === 0) add(size);
      if (once && width % axes === 0 && width / axes !== size) add(width / axes);
    }
  return found;
}

const permutations = (items) =>
  items.length ? items.flatMap((one) => permutations(items.filter((other) => other !== one)).map((rest) => [one, ...rest])) : [[]];
