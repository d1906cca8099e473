// How a table is read: circles, speeds, the law of the speeds, and what time the clocks show.
//
// A port of pe/doctor/estimate.py, where each step is explained; thresholds and names are the same.

import { CAST, Matrix, range, round, shortened, sum } from "./numbers.js";

export const ROUGHEST = 0.06, OFF_CENTRE = 0.6, FROM_NOISE = 6, NATS = 8, SURE = 5, LAW_BITS = 15, ALL_BITS = 30;
export const RIVAL_BITS = 12, OUTLIERS = 0.02, COARSE = 0.02, PLAINLY = 0.1, UNRESOLVED = 0.5, ROWS = 512, ROUGHLY = 4;
export const GLANCE = 24, FEWEST_CLOCKS = 4, FARTHEST = 4096, SINGLE = 2 ** -24, DOUBLE = 2 ** -52;

const FORMATS = [
  { name: "bfloat16", relative: 2 ** -8, absolute: 2 ** -133 },
  { name: "float16", relative: 2 ** -11, absolute: 2 ** -25 },
  { name: "float32", relative: 2 ** -24, absolute: 2 ** -149 },
  { name: "float64", relative: 2 ** -53, absolute: 0 },
];

/** The shortest format that holds every entry, a few printed decimals among them. */
export function numberFormat({ data }) {
  const found = FORMATS.find(({ name }) => data.every((v) => CAST[name](v) === v));
  const decimals = !FORMATS.slice(2).includes(found) ? undefined : [3, 4, 5].find((digits) =>
    data.every((v) => {
      const scaled = v * 10 ** digits;
      return Math.abs(scaled - round(scaled)) <= Math.abs(scaled) * 2 * found.relative + 1e-9;
    }));
  return decimals ? { ...found, name: `${decimals} decimals`, absolute: 0.5 * 10 ** -decimals } : found;
}

/** The numbers of `most` rows, or of all, from the first to the last. */
export const spread = (rows, most) =>
  rows <= most ? range(rows) : range(most).map((i) => round(Math.fround(((rows - 1) / (most - 1)) * i)));

/** Columns of the sines and of the cosines. */
export function columnsOf(width, layout) {
  const sines = (width + 1) >> 1, cosines = width >> 1;
  if (layout === "sin_cos") return [range(sines), range(cosines, sines)];
  if (layout === "cos_sin") return [range(sines, cosines), range(cosines)];
  const even = range(sines).map((i) => 2 * i), odd = range(cosines).map((i) => 2 * i + 1);
  return layout === "interleaved" ? [even, odd] : [odd, even];
}

/** A table seen as sines and cosines, in the rows that are not blank. */
export class Pairs {
  constructor(layout, width, rows, sines, cosines, format, radius = 1, centre = 0, noise = 0) {
    Object.assign(this, { layout, width, rows, sines, cosines, format, radius, centre, noise });
    this.clocks = Math.min(sines.columns, cosines.columns);
    this.most = Math.max(sines.columns, cosines.columns);
  }
  /** The clock hands, of length about 1: cosines `re` and sines `im`, a column for each pair. */
  get hands() {
    const { rows, clocks: k, centre, radius } = this, re = new Float64Array(rows.length * k), im = new Float64Array(re.length);
    for (let r = 0, at = 0; r < rows.length; r++)
      for (let i = 0; i < k; i++, at++) {
        re[at] = (this.cosines.data[r * this.cosines.columns + i] - centre) / radius;
        im[at] = (this.sines.data[r * this.sines.columns + i] - centre) / radius;
      }
    return { rows: rows.length, columns: k, re, im };
  }
  /** A function that says how far rounding may have moved an entry. */
  rounding(factor = 1) {
    const far = this.format.relative * 1.01 + (factor > DOUBLE ? 2 * SINGLE : 0);
    const fixed = this.format.absolute * 1.01 +
      (this.centre ? 2 * SINGLE * (this.radius + Math.abs(this.centre)) : 1e-15 * this.radius);
    return (x) => far * Math.abs(x) + fixed;
  }
  /** How far rounding may have turned each hand, in radians. */
  handBounds(drift = 1) {
    const z = this.hands, { radius } = this, away = Math.abs(this.centre), rounding = this.rounding(drift);
    return new Matrix(z.rows, z.columns, z.re.map((re, at) => {
      const s = Math.abs(z.im[at]), c = Math.abs(re);
      return (c * rounding(radius * s + away) + s * rounding(radius * c + away)) / radius;
    }));
  }
  /** The standard error of the angle of each hand, of rounding and noise. */
  handErrors() {
    const bounds = this.handBounds(), noise = (this.noise / this.radius) ** 2;
    return new Matrix(bounds.rows, bounds.columns, bounds.data.map((e) => Math.sqrt(e ** 2 / 3 + noise)));
  }
  /** The weights of the hands by their errors: in a column, none is a million times another. */
  weights() {
    const { columns: k, data } = this.handErrors(), worst = new Float64Array(k);
    data.forEach((e, at) => { worst[at % k] = Math.max(worst[at % k], e); });
    return data.map((e, at) => Math.max(e, 1e-3 * worst[at % k] + 1e-15) ** -2);
  }
  /** A few rows, which tell most misfits. */
  glance() {
    return this.at(spread(this.rows.length, GLANCE));
  }
  at(index) {
    const { layout, width, rows, sines, cosines, format, radius, centre, noise } = this;
    return new Pairs(layout, width, index.map((r) => rows[r]), sines.take(index), cosines.take(index), format, radius, centre, noise);
  }
  /** The rows from `start` to before `stop`. */
  slice(start, stop) {
    return this.at(range(Math.max(Math.min(stop, this.rows.length) - start, 0), start));
  }
}

/** The table seen in each layout in which its pairs run on circles, all of one radius and one centre. */
export function pairings(x, rows, format) {
  if (x.columns < 2) return [];
  return ["interleaved", "sin_cos", "cos_sin", "interleaved, cosines first"].flatMap((layout) => {
    const [sines, cosines] = columnsOf(x.columns, layout);
    const pairs = onCircles(new Pairs(layout, x.columns, rows, x.pick(sines), x.pick(cosines), format));
    return pairs ? [pairs] : [];
  });
}

/** On a circle around (m, m), s² + c² = 2m (s + c) + a² − 2m²: a straight line, fitted by least squares. */
function onCircles(pairs) {
  const z = pairs.at(spread(pairs.rows.length, ROWS)).hands, count = z.re.length, rounding = pairs.rounding(SINGLE);
  const squares = z.re.map((c, at) => c ** 2 + z.im[at] ** 2), sums = z.re.map((c, at) => c + z.im[at]);
  const allowed = z.re.map((c, at) => 2 * (Math.abs(z.im[at]) * rounding(z.im[at]) + Math.abs(c) * rounding(c)));
  const meanOf = (values) => sum(values) / count, meanSquare = (values) => meanOf(values.map((v) => v * v));
  const mean = meanOf(squares);
  let left = squares.map((v) => v - mean), radius = Math.sqrt(mean), centre = 0;
  if (!left.every((v, at) => Math.abs(v) <= 2 * allowed[at] + 1e-14 * mean)) {
    const middle = meanOf(sums), away = sums.map((v) => v - middle);
    const slope = sum(left.map((v, at) => v * away[at])) / Math.max(sum(away.map((v) => v * v)), 1e-300);
    const other = left.map((v, at) => v - slope * away[at]);
    if (meanSquare(other) < 0.1 * meanSquare(left)) {
      radius = Math.sqrt(Math.max(mean - slope * middle + slope ** 2 / 2, 0));
      [centre, left] = [slope / 2, other];
    }
  }
  const rough = Math.sqrt(meanSquare(left));
  if (!(rough < 2 * ROUGHEST * radius ** 2) || Math.abs(centre) > OFF_CENTRE * radius) return null;
  const level = Math.sqrt(meanSquare(allowed) / 3) + 4 * SINGLE * (radius + Math.abs(centre)) ** 2;
  const noise = rough <= 1.5 * level ? 0 : rough / (2 * radius);
  return Object.assign(pairs, { radius, centre, noise });
}

/** Hands turned back by `turn(row, pair)` radians: the angle from their mean to each, by rows. */
export function deviations(z, turn) {
  const { rows, columns: k } = z, re = new Float64Array(rows * k), im = new Float64Array(rows * k);
  const meanRe = new Float64Array(k), meanIm = new Float64Array(k);
  for (let r = 0, at = 0; r < rows; r++)
    for (let i = 0; i < k; i++, at++) {
      const angle = turn(r, i), c = Math.cos(angle), s = Math.sin(angle);
      meanRe[i] += re[at] = z.re[at] * c + z.im[at] * s;
      meanIm[i] += im[at] = z.im[at] * c - z.re[at] * s;
    }
  return re.map((x, at) => Math.atan2(im[at] * meanRe[at % k] - x * meanIm[at % k], x * meanRe[at % k] + im[at] * meanIm[at % k]));
}

/** By how many radians each hand turns from row to row, and the standard error of it. */
export function speeds(pairs) {
  const n = pairs.rows.length, first = pairs.slice(0, ROWS).hands, k = first.columns, turn = new Float64Array(k);
  for (let lag = 1; lag === 1 || 3 * lag <= 2 * n; lag *= 2) {
    const later = pairs.slice(lag, lag + ROWS).hands;
    for (let i = 0; i < k; i++) {
      let re = 0, im = 0;
      for (let at = i; at < later.re.length; at += k) {
        re += later.re[at] * first.re[at] + later.im[at] * first.im[at];
        im += later.im[at] * first.re[at] - later.re[at] * first.im[at];
      }
      const c = Math.cos(lag * turn[i]), s = Math.sin(lag * turn[i]);
      turn[i] += Math.atan2(im * c - re * s, re * c + im * s) / lag;
    }
  }
  const at = spread(n, ROWS), some = pairs.at(at), weight = some.weights();
  const angle = deviations(some.hands, (r, i) => at[r] * turn[i]);
  const known = new Float64Array(k);
  for (let i = 0; i < k; i++) {
    const over = (f) => { let total = 0; for (let r = 0; r < at.length; r++) total += f(weight[r * k + i], at[r], angle[r * k + i]); return total; };
    const total = over((w) => w), middle = over((w, row) => w * row) / total, level = over((w, _, a) => w * a) / total;
    const apart = over((w, row) => w * (row - middle) ** 2), slope = over((w, row, a) => w * (row - middle) * a) / apart;
    const left = (row, a) => a - level - slope * (row - middle);
    const lost = Math.sqrt(over((_, row, a) => left(row, a) ** 2) / at.length) > UNRESOLVED;
    const surplus = over((w, row, a) => w * left(row, a) ** 2) / Math.max(at.length - 2, 1);
    known[i] = lost ? Infinity : Math.sqrt(Math.max(surplus, 1) / apart);
    turn[i] += slope;
  }
  return [turn, known];
}

/** An angle without its full turns. */
export const withinHalfATurn = (angle) => angle - 2 * Math.PI * round(angle / (2 * Math.PI));

/** A line through the logarithms of the speeds, by least squares; `points` are pair, logarithm and its standard error. */
export class Line {
  constructor(sign, points) {
    const weighted = (f) => sum(points.map(([i, y, e]) => f(i, y) / e ** 2)), many = points.length > 1;
    this.sign = sign;
    this.errors = points.map(([, , e]) => e);
    this.total = weighted(() => 1);
    this.middle = weighted((i) => i) / this.total;
    this.level = weighted((_, y) => y) / this.total;
    this.apart = many ? weighted((i) => (i - this.middle) ** 2) : 1e-300;
    this.slope = many ? weighted((i, y) => (i - this.middle) * (y - this.level)) / this.apart : 0;
    this.left = points.map(([i, y]) => y - this.level - this.slope * (i - this.middle));
    this.surplus = Math.max(1, sum(this.left.map((left, k) => (left / this.errors[k]) ** 2)) / Math.max(points.length - 2, 1));
  }
  /** The logarithm of the speed of a pair, and its standard error. */
  at(pair) {
    const away = pair - this.middle;
    return [this.level + this.slope * away, Math.sqrt(this.surplus * (1 / this.total + away ** 2 / this.apart))];
  }
  /** The slope and its standard error if the logarithm of the first speed is known. */
  slopeFrom(first) {
    const information = this.apart + this.total * this.middle ** 2;
    const slope = (this.slope * this.apart + this.total * this.middle * (this.level - first)) / information;
    return [slope, Math.sqrt(this.surplus / information)];
  }
}

/** The line through the logarithms of the speeds, fitted from the slow end; faster hands may have gone round unseen. */
export function lineThrough(turn, error, fromLast) {
  const points = [], order = fromLast ? range(turn.length).reverse() : range(turn.length);
  let sign = 0;
  for (const pair of order) {
    const seen = turn[pair], sigma = error[pair];
    if (!(sigma < 0.3 * Math.abs(seen))) continue;
    sign = sign || Math.sign(seen);
    let speed = sign * seen;
    if (points.length >= 2 && 2 * points.at(-1)[1] - points.at(-2)[1] > -1) {
      const [log, unsure] = new Line(sign, points).at(pair), expected = Math.exp(Math.min(log, 50));
      if (expected > Math.PI / 2) {
        if (expected * unsure > UNRESOLVED) break;
        speed += 2 * Math.PI * round((expected - speed) / (2 * Math.PI));
      }
    }
    if (speed <= 0) return null;
    points.push([pair, Math.log(speed), sigma / speed + 4 * SINGLE]);
  }
  return points.length ? new Line(sign, points) : null;
}

/** A function from the angles of hands to the position that they show, and how badly they agree on it. */
export function clock(omega, error) {
  const hands = range(omega.length).sort((a, b) => omega[b] - omega[a]), chain = [hands[0]];
  for (const i of hands.slice(1)) {
    if ((error[i] / omega[i]) * omega[chain.at(-1)] > UNRESOLVED) break;
    chain.push(i);
  }
  chain.reverse(); // the slowest hand tells the hour, each faster one tells it more exactly
  return (angles, turns = 0) => {
    let position = 0, known = 0;
    for (const i of chain) {
      const full = known ? round((position * omega[i] - angles[i]) / (2 * Math.PI)) : turns;
      const shown = (angles[i] + 2 * Math.PI * full) / omega[i], weight = (omega[i] / error[i]) ** 2 + 1e-300;
      position = (known * position + weight * shown) / (known + weight);
      known += weight;
    }
    let misfit = 0;
    for (let i = 0; i < omega.length; i++) {
      misfit += (withinHalfATurn(position * omega[i] - angles[i]) / error[i]) ** 2 / omega.length;
    }
    return [position, misfit];
  };
}

/** How sine and cosine of the angles positions · omega fit the table: scale, shift, and what is left. */
export function compare(pairs, { positions, omega, turned }, drift = SINGLE) {
  const { sines, cosines } = pairs, n = positions.length, k = pairs.most, count = sines.data.length + cosines.data.length;
  const drifts = omega.map((w) => 3 + 3 * Math.abs(Math.log(w)));
  const x = new Float64Array(count), y = new Float64Array(count), d = new Float64Array(count);
  for (let r = 0, at = 0; r < n; r++)
    for (let i = 0; i < k; i++) {
      const angle = turned ? turned(positions[r] * omega[i]) : positions[r] * omega[i];
      d[at] = d[at + 1] = drift * Math.abs(angle) * drifts[i];
      if (i < sines.columns) {
        x[at] = sines.data[r * sines.columns + i];
        y[at++] = Math.sin(angle);
      }
      if (i < cosines.columns) {
        x[at] = cosines.data[r * cosines.columns + i];
        y[at++] = Math.cos(angle);
      }
    }
  const my = pairs.centre ? sum(y) / count : 0, mx = pairs.centre ? sum(x) / count : 0;
  let xy = 0, yy = 0;
  for (let at = 0; at < count; at++) {
    xy += (y[at] - my) * (x[at] - mx);
    yy += (y[at] - my) ** 2;
  }
  let scale = xy / Math.max(yy, 1e-300);
  const shift = mx - scale * my, rounding = pairs.rounding(drift);
  const allowed = d.map((far, at) => rounding(x[at]) + far * Math.abs(scale) + FROM_NOISE * pairs.noise);
  if (!pairs.centre) scale = roundScale(pairs, x, y, allowed, scale);
  let squares = 0, far = 0;
  for (let at = 0; at < count; at++) {
    const left = Math.abs(x[at] - scale * y[at] - shift);
    if (!(left <= allowed[at])) far++;
    squares += left * left;
  }
  return { scale, shift, loss: pairs.noise ? squares / (2 * pairs.noise ** 2) : 0, share: far / count };
}

/** The roundest scale by which every entry fits, the middle one if none is round, or `scale` if none fits. */
function roundScale(pairs, x, y, allowed, scale) {
  let low = -Infinity, high = Infinity;
  for (let at = 0; at < x.length; at++)
    if (Math.abs(y[at]) > 0.1) {
      const one = (x[at] - allowed[at]) / y[at], other = (x[at] + allowed[at]) / y[at];
      low = Math.max(low, Math.min(one, other));
      high = Math.min(high, Math.max(one, other));
    }
  if (low === -Infinity) return scale;
  if (pairs.noise) {
    const error = (4 * pairs.noise) / x.length ** 0.5;
    [low, high] = [scale - error, scale + error];
  }
  const middle = low <= high ? (low + high) / 2 : scale;
  const simple = [1, pairs.width ** -0.5, (2 / pairs.width) ** 0.5, ...range(7, 1).map((digits) => shortened(middle, digits))];
  const known = simple.find((v) => (low <= v && v <= high) || (low > high && Math.abs(scale / v - 1) < pairs.format.relative));
  return known ?? middle;
}
