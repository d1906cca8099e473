// What a table is called: numbers of few digits that fit it, and the known faults where none does.
//
// A port of pe/doctor/naming.py. A law is { base, step, offset, spacing, named, bits }: angles p · base^(−2i/width) at
// the positions p = offset + step · row; what is found, { pairs, law, fit, faults, positions, written, rivals, sure, again }.

import {
  ALL_BITS, COARSE, DOUBLE, FARTHEST, FEWEST_CLOCKS, FROM_NOISE, GLANCE, LAW_BITS, NATS, OUTLIERS, PLAINLY, RIVAL_BITS,
  ROUGHLY, ROWS, SINGLE, SURE, UNRESOLVED, clock, compare, deviations, lineThrough, speeds, spread, withinHalfATurn,
} from "./estimate.js";
import { CAST, modulo, range, round, shortened, sum } from "./numbers.js";

const SHORT = ["bfloat16", "float16"];
// What may have been computed in a short format, most likely first.
const ROUNDED = [
  "frequencies", "exponents", "shares", "angles", "exponents frequencies", "shares frequencies", "positions frequencies",
  "positions angles", "positions frequencies angles", "positions exponents frequencies angles",
  "positions shares frequencies angles",
];
const LOGS = [-690, 690]; // of bases, which float64 can hold
const ROUNDED_NAMES = { positions: "Positions in a short format", frequencies: "Frequencies cast with the model" };

const evenly = (law, pairs) => pairs.rows.map((row) => law.offset + law.step * row);
export const frequenciesOf = (base, width, count) => Float64Array.from({ length: count }, (_, i) => base ** ((-2 * i) / width));
const omegaOf = (law, pairs, count) => frequenciesOf(law.base, pairs.width, count);
const angles = (law, pairs, positions) => ({ positions: positions ?? evenly(law, pairs), omega: omegaOf(law, pairs, pairs.most) });
const found = (pairs, law, fit, more = {}) => ({
  pairs, law, fit, faults: [], positions: null, written: "{}", rivals: [], sure: true, again: true,
  /** How exact the angles were: float64 if that explains every entry, or else float32. */
  get drift() { return plain(pairs, law, this.positions, DOUBLE) ? DOUBLE : SINGLE; },
  ...more,
});

/** How `law` fits if rounding and noise explain what is left; a few rows are looked at first. */
export function plain(pairs, law, positions = null, drift = SINGLE) {
  const few = spread(pairs.rows.length, GLANCE);
  let fit = compare(pairs.at(few), angles(law, pairs.at(few), positions && few.map((r) => positions[r])), drift);
  if (fit.share > 0) return null;
  if (few.length < pairs.rows.length) fit = compare(pairs, angles(law, pairs, positions), drift);
  const beyond = pairs.noise && fit.loss > 0.75 * pairs.sines.data.length * 2; // noise across the circle says how much it is
  return fit.share > 0 || beyond ? null : fit;
}

/** The fit of `law` if some part of it was rounded to a short format: the faults, and the format. */
function rounded(pairs, law) {
  const few = pairs.glance();
  if (compare(few, angles(law, few)).share < PLAINLY) return null;
  for (const written of SHORT)
    for (const parts of ROUNDED) {
      const fits = (part) => compare(part, roundedAngles(law, part, parts, CAST[written]));
      if (fits(few).share > OUTLIERS) continue;
      const fit = fits(pairs), faults = [...new Set(parts.split(" ").map((part) => ROUNDED_NAMES[part] ?? "Exponents or angles in a short format"))];
      if (fit.share <= OUTLIERS) return { fit, faults, written };
    }
  return null;
}

function roundedAngles(law, pairs, parts, cast) {
  const to = (part) => (parts.includes(part) ? cast : (x) => x), fall = -Math.log(law.base);
  const omega = Float64Array.from({ length: pairs.most }, (_, i) =>
    to("frequencies")(Math.exp(
      parts.includes("shares") ? fall * cast((2 * i) / pairs.width) : to("exponents")((fall / pairs.width) * to("exponents")(2 * i)),
    )),
  );
  return { positions: evenly(law, pairs).map(to("positions")), omega, turned: parts.includes("angles") ? cast : undefined };
}

/** Numbers from `low` to `high`, simple ones first, each with the bits that it takes to say it. */
export function nice(estimated, low, high, usual, digits = 9) {
  const short = usual.map((x, i) => [x, 2 + i / 4]), seen = new Set(), about = 1e-12 * Math.abs(estimated);
  for (const k of range(digits, 1)) short.push([shortened(estimated, k), 4 + 3.32 * k]);
  if (digits === 9) short.push([estimated, 54]);
  return short.filter(([x]) => !seen.has(x) && low - about <= x && x <= high + about && seen.add(x));
}

/** The laws near `line` that fit; for each step, first position and spacing that with the fewest digits. */
function laws(pairs, line) {
  const n = pairs.rows.length, [log, error] = line.at(0), speed = Math.exp(log), gaps = Math.max(n - 1, 1), all = [];
  const usual = [1, (2 * Math.PI) / n, 1 / gaps, 1 / n, (2 * Math.PI) / gaps, Math.PI / 180];
  const around = SURE * speed * (Math.min(error, 1) + 4e-7);
  for (const [step, bits] of nice(speed, speed - around, speed + around, usual)) {
    const hits = atFirstPositions(pairs, ...stepped(line, step, bits, pairs.width));
    all.push(...hits);
    if (hits.length && bits > 4) break;
  }
  return all;
}

/** The law of this step nearest to `line`, and the standard error of the logarithm of its base. */
function stepped(line, step, bits, width) {
  const [slope, error] = line.slopeFrom(Math.log(step)), known = error < 1e100; // else there is but one speed
  const log = known ? (-slope * width) / 2 : Math.log(1e4), base = Math.exp(Math.min(Math.max(log, -60), LOGS[1]));
  const law = { base, step: line.sign * step, offset: 0, spacing: null, named: NaN, bits: bits + (line.sign < 0 ? 2 : 0) };
  return [law, known ? (error * width) / 2 : 1];
}

/** `law` with the first positions and bases that fit, for each spacing that with the fewest digits. */
function atFirstPositions(pairs, law, unsure) {
  const few = pairs.glance(), tried = new Set(), all = [];
  for (const lawsThere of firstPositions(pairs, law))
    for (const placed of lawsThere) {
      if (tried.has(placed.offset)) continue;
      tried.add(placed.offset);
      let ends = LOGS;
      for (const part of [few, pairs]) // most places are contradicted by a few rows
        if (ends[0] <= ends[1]) ends = bases(part, evenly(placed, part), Math.log(law.base), unsure);
      const fitting = (one) => {
        const fit = plain(pairs, one);
        return fit && [one, fit];
      };
      const hits = namedBases(placed, pairs.width, ends).map((named) => first(named, fitting)).filter(Boolean);
      all.push(...hits);
      if (hits.length) break;
    }
  return all;
}

/** For each spacing, `law` with the bases whose logarithms are between `ends`, round ones first. */
function namedBases(law, width, [low, high], digits = 9) {
  const usual = [1e4, ...range(8, 1).map((k) => 10 ** k), 1e-4, 1];
  const named = (spacing, power) => {
    const [least, middle, most] = [low, (low + high) / 2, high].map((log) => Math.exp(log / power));
    return nice(middle, least, most, usual, digits).flatMap(([named, more]) => {
      if (named < 1 && !(named === 1e-4 && Math.abs(law.step) === 1)) return []; // no pair is faster than the one before
      const bits = law.bits + more + (spacing !== "paper" ? 1 : 0) + (spacing === null ? 2 : 0);
      return [{ ...law, base: power === 1 ? named : Math.exp(Math.log(named) * power), spacing, named, bits }];
    });
  };
  if (!(low <= high)) return [];
  if (high >= low + LOGS[1]) return [named("paper", 1)]; // the table has no base
  return [
    named("paper", 1),
    ...(width > 2 ? [named("tensor2tensor", width / (width - 2))] : []),
    ...(width % 2 ? [named(null, width / (width + 1))] : []), // the frequencies of the next even width
  ];
}

/** The lowest and the highest logarithm of the base that fit, given about which it is: where the intervals of all hands overlap. */
function bases(all, allPositions, logBase, unsure, drift = SINGLE) {
  const pick = spread(all.rows.length, ROWS), some = all.at(pick), p = pick.map((r) => allPositions[r]);
  const { re, im, columns: k } = some.hands, bounds = some.handBounds(drift).data, sigma = some.handErrors().data;
  let [low, high] = LOGS;
  for (let pass = 0; pass < 3; pass++) {
    let information = 0, off = 0, least = -Infinity, most = Infinity, told = false;
    for (let i = 1; i < k; i++) {
      const share = (2 * i) / all.width, omega = Math.exp(-share * logBase), drifts = drift * (3 + 3 * share * Math.abs(logBase));
      for (let r = 0, at = i; r < p.length; r++, at += k) {
        const angle = p[r] * omega, tells = share * Math.abs(angle);
        if (!(tells > 1e-12 && tells * unsure < UNRESOLVED)) continue;
        told = true;
        const left = withinHalfATurn(Math.atan2(im[at], re[at]) - angle);
        if (all.noise) {
          information += (tells / sigma[at]) ** 2;
          off += (share * angle * left) / sigma[at] ** 2;
          continue;
        }
        const error = bounds[at] + drifts * Math.abs(angle);
        const [one, other] = [-1, 1].map((side) => Math.log1p(Math.max((left + side * error) / angle, -1)) / -share);
        least = Math.max(least, Math.min(one, other));
        most = Math.min(most, Math.max(one, other));
      }
    }
    if (!told) break;
    if (all.noise) {
      const around = Math.sqrt((2 * NATS) / information);
      [least, most] = [-off / information - around, -off / information + around];
    }
    [low, high] = [Math.max(logBase + least, LOGS[0]), Math.min(logBase + most, LOGS[1])];
    [logBase, unsure] = [Math.min(Math.max(logBase, low), high), Math.min(unsure, Math.abs(high - low))];
  }
  return [low, high];
}

/** The angles of the hands in row 0 by the frequencies of `law`, their errors, and the frequencies. */
function rowZero(all, law) {
  const pairs = all.at(spread(all.rows.length, ROWS)), z = pairs.hands, k = z.columns;
  const omega = omegaOf(law, pairs, k), weight = pairs.weights();
  const phases = new Float64Array(k), sigma = new Float64Array(k);
  for (let i = 0; i < k; i++) {
    let re = 0, im = 0, total = 0;
    for (let r = 0, at = i; r < z.rows; r++, at += k) {
      const angle = law.step * pairs.rows[r] * omega[i], c = Math.cos(angle), s = Math.sin(angle), w = weight[at];
      re += w * (z.re[at] * c + z.im[at] * s);
      im += w * (z.im[at] * c - z.re[at] * s);
      total += w;
    }
    phases[i] = Math.atan2(im, re);
    sigma[i] = Math.sqrt(1 / total);
  }
  return { phases, sigma, omega };
}

/** For each position that the hands may show in row 0, `law` with numbers near it, round ones first. */
function firstPositions(pairs, law) {
  const { phases, sigma: sharp, omega } = rowZero(pairs, law), sigma = sharp.map((s) => s + 1e-3), { step } = law;
  const fastest = Math.max(...omega), most = Math.ceil(FARTHEST * Math.min(Math.min(...omega) / (2 * Math.PI), 1));
  const read = clock(omega, sigma), off = (4 * sigma[omega.indexOf(fastest)]) / fastest;
  // Where the hands come together again and again, a whole number is likelier than any other.
  const order = range(2 * most + 1, -most).map((turns) => {
    const [p, misfit] = read(phases, turns);
    return [round(misfit * 100), Math.abs(p - round(p)) > off, Math.abs(p), p];
  }).sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2] || a[3] - b[3]);
  return order.slice(0, 3).map(([, , , position]) => {
    const whole = round(position), count = round(position / step), numbers = [[whole, cost(whole)]];
    if (Math.abs(count * step - position) <= off + 1e-6 * Math.abs(position)) numbers.push([count * step, 1 + cost(count)]);
    return [...numbers, ...nice(position, position - off, position + off, [])].map(([offset, bits]) => ({ ...law, offset, bits: law.bits + bits }));
  });
}

/** Whether the hands turn by the line through their speeds, before it is named: if not, by no names. */
function roughly(pairs, line) {
  const some = pairs.glance(), z = some.hands, k = z.columns, middle = sum(some.rows) / z.rows;
  const omega = range(k).map((i) => Math.exp(Math.min(Math.max(line.at(0)[0] + line.slope * i, -700), 60)));
  const left = deviations(z, (r, i) => line.sign * (some.rows[r] - middle) * omega[i]), error = some.handErrors().data;
  const fixed = some.format.relative + SINGLE + (FROM_NOISE * some.noise) / some.radius;
  const far = omega.map((w) => (some.rows.at(-1) + 1) * SINGLE * w * (3 + 3 * Math.abs(Math.log(w))));
  return left.every((angle, at) => Math.abs(angle) <= ROUGHLY * (fixed + far[at % k] + error[at]));
}

const cost = (position) => 1 + 2 * Math.log2(Math.abs(position) + 1);

/** The error of the angle of each hand, over all rows, and the bits that so exact a phase is worth. */
function phaseErrors(pairs) {
  const error = pairs.handErrors(), mean = new Float64Array(error.columns);
  error.data.forEach((e, at) => { mean[at % error.columns] += (e * e) / error.rows; });
  return mean.map(Math.sqrt);
}
const phaseBits = (errors) => sum(errors.map((e) => Math.max(Math.log2(Math.PI / 2 / Math.max(e, 2 * SINGLE)), 0)));

/** Whether the law is plainly shorter than the frequencies, and than frequencies and phases together. */
function shorter(pairs, line, law) {
  const told = sum(line.errors.map((e) => Math.max(0, -Math.log2(e * Math.sqrt(line.surplus)) - 2)));
  // Far away, a phase tells no more than angles in float32 do.
  const phases = phaseBits(phaseErrors(pairs).map((e) => e / pairs.rows.length ** 0.5 + 4 * SINGLE * Math.abs(law.offset)));
  const offset = law.offset === round(law.offset) ? cost(law.offset) : 20;
  return told - (law.bits - offset) >= LAW_BITS && told + phases - law.bits >= ALL_BITS;
}

/** The simplest law by which a table, seen in each of its layouts, was made. */
export function search(seen) {
  const heads = [], runs = seen.map(longestRun);
  for (const n of runs.length ? lengths(runs[0].rows.length) : []) {
    const hits = [];
    for (const [k, run] of runs.entries()) {
      const head = run.slice(0, n), both = bothLines(head);
      if (both.length && [run.rows.length, 16, 32, 64].includes(n)) heads.push([seen[k], head, both[0]]);
      hits.push(...(first(both, (one) => everywhere(seen[k], head, one)) ?? []));
      if (n > 8 && run.width > 8 && hits.some(({ sure }) => sure)) break; // a table of this size has one layout
    }
    if (hits.length) {
      const best = hits.reduce((a, b) => (b.law.bits < a.law.bits ? b : a)), { drift } = best;
      const near = hits.filter((hit) => hit !== best && hit.law.bits < best.law.bits + RIVAL_BITS);
      return { ...best, drift, rivals: near.filter((hit) => plain(hit.pairs, hit.law, hit.positions, drift)) };
    }
  }
  return first(heads, (head) => roundedLaw(...head)) ?? first(seen, byClock);
}

/** What is found first in these, or null. */
function first(items, find) {
  for (const item of items) {
    const hit = find(item);
    if (hit) return hit;
  }
  return null;
}

/** The lines through the speeds if the last are the slowest, and if the first are, the better one first. */
function bothLines(pairs) {
  const [turn, error] = speeds(pairs), both = [true, false].map((fromLast) => lineThrough(turn, error, fromLast));
  return both.filter(Boolean).sort((a, b) => b.left.length - a.left.length || a.surplus - b.surplus);
}

export function longestRun(pairs) {
  const ends = [0, ...range(pairs.rows.length - 1, 1).filter((r) => pairs.rows[r] - pairs.rows[r - 1] !== 1), pairs.rows.length];
  const starts = range(ends.length - 1), size = (e) => ends[e + 1] - ends[e];
  const best = starts.reduce((a, b) => (size(b) > size(a) ? b : a));
  return pairs.slice(ends[best], ends[best + 1]);
}

function lengths(rows) {
  const all = [rows];
  while (all.at(-1) > 8) all.push(Math.floor(all.at(-1) / (all.at(-1) > 64 ? 4 : 2)));
  return all.filter((n) => n > 1);
}

/** The laws near `one` that fit the first rows and then all of them, evenly spaced or not; null if none does. */
function everywhere(pairs, head, one) {
  const fitting = roughly(head, one) ? laws(head, one).sort((a, b) => a[0].bits - b[0].bits) : [];
  if (head.rows.length === pairs.rows.length)
    return fitting.length ? fitting.map(([law, fit]) => found(pairs, law, fit, { sure: shorter(head, one, law) })) : null;
  const best = first(fitting.slice(0, 4), ([law]) => elsewhere(pairs, law));
  if (best) best.sure &&= shorter(head, one, best.law);
  return best && [best];
}

/** `law` with the positions that all rows have, by a known fault or as their clocks show. */
function elsewhere(pairs, law) {
  const as = (positions, more) => {
    const fit = plain(pairs, law, positions);
    return fit && found(pairs, law, fit, more);
  };
  return as(null) ?? first(known(pairs, evenly(law, pairs)), ([name, written, positions]) =>
    as(positions, { faults: [name], positions, written })) ?? readClocks(pairs, law);
}

/** What known faults make of evenly spaced positions, and how to write it. */
function* known(pairs, even) {
  yield ["Past equal to future", "({}).abs()", even.map(Math.abs)];
  for (const name of SHORT) yield ["Positions in a short format", `({}).to(torch.${name})`, even.map(CAST[name])];
  for (const size of [2 ** 8, 2 ** 16]) {
    const half = size / 2;
    yield ["Positions that wrap around", `({}) % ${size}`, even.map((p) => modulo(p, size))];
    yield ["Positions that wrap around", `({} + ${half}) % ${size} - ${half}`, even.map((p) => modulo(p + half, size) - half)];
  }
  const same = (m, r) => m.row(r).every((x, c) => Math.abs(x - m.data[c]) <= 4 * SINGLE * pairs.radius);
  const period = range(even.length - 1, 1).find((r) => same(pairs.sines, r) && same(pairs.cosines, r));
  if (period) yield ["Positions that wrap around", `({})[torch.arange(${even.length}) % ${period}]`, even.map((_, r) => even[r % period])];
}

/** `law` with the positions that the rows show, each read for itself. */
function readClocks(pairs, law) {
  const z = pairs.hands, n = z.rows, k = z.columns;
  if (k < FEWEST_CLOCKS) return null;
  const error = phaseErrors(pairs), time = clock(omegaOf(law, pairs, k), error.map((e) => e + 1e-3));
  const shown = Float64Array.from({ length: n }, (_, r) =>
    time(range(k).map((i) => Math.atan2(z.im[r * k + i], z.re[r * k + i])))[0]);
  const bits = phaseBits(error) * n;
  for (const positions of [shown.map(round), shown.map((p) => round(p * 4) / 4), shown]) {
    const fit = plain(pairs, law, positions);
    if (!fit) continue;
    const whole = positions.every(Number.isInteger);
    const spent = whole ? sum(positions.map((p) => cost(p) + 1)) : 30 * n;
    const sure = bits - spent >= ALL_BITS && positions.some((p) => p !== 0);
    const steps = new Set(range(n - 1, 1).map((r) => (positions[r] - positions[r - 1]) / (pairs.rows[r] - pairs.rows[r - 1])));
    const [step] = steps;
    if (steps.size === 1 && step !== 0)
      return found(pairs, { ...law, step, offset: positions[0] - step * pairs.rows[0] }, fit, { sure });
    const name = positions[0] === 0 ? "Every token at position 0" : "Batch and sequence swapped";
    return found(pairs, law, fit, { faults: steps.size === 1 ? [name] : [], positions, written: "", sure });
  }
  return null;
}

/** One of the two usual laws at whatever positions the rows show. */
function byClock(pairs) {
  return first([["paper", 1], ["tensor2tensor", pairs.width / Math.max(pairs.width - 2, 1)]], ([spacing, power]) =>
    readClocks(pairs, { base: 1e4 ** power, step: 1, offset: 0, spacing, named: 1e4, bits: 0 }));
}

/** A law near `one` by which the whole table was made with something rounded on the way. */
function roundedLaw(pairs, head, one) {
  if (!nearly(one)) return null;
  const [log] = one.at(0), tried = Math.log2(ROUNDED.length * SHORT.length);
  for (const step of [1, shortened(Math.exp(log), 1)]) {
    if (!(Math.abs(Math.log(step) - log) < 0.1)) continue;
    const [law, unsure] = stepped(one, step, 0, head.width), middle = Math.log(law.base), around = SURE * Math.min(unsure, 1);
    for (const placed of firstPositions(head, law).flat())
      for (const based of namedBases(placed, head.width, [middle - around, middle + around], 3).flat()) {
        const hit = shorter(head, one, { ...based, bits: based.bits + tried }) && rounded(pairs, based);
        if (hit) return found(pairs, based, hit.fit, { faults: hit.faults, written: hit.written, again: false });
      }
  }
  return null;
}

/** The lowest and the highest base that fit as well, all else the same. */
export function baseRange({ law, again, pairs, positions, drift }) {
  if (!again) return [law.base, law.base];
  const [low, high] = bases(pairs, positions ?? evenly(law, pairs), Math.log(law.base), 0, drift);
  return [Math.min(Math.exp(low), law.base), Math.max(Math.exp(high), law.base)];
}

/** Whether the speeds are near a law, as those are that something was rounded of. */
const nearly = (one) => sum(one.left.map((left) => left ** 2)) / one.left.length <= COARSE ** 2;

/** Whether the speeds of a table may be near some law, though none that could be named. */
export function nearlyLawful(pairs) {
  const run = longestRun(pairs), [turn, error] = speeds(run);
  if (turn.filter((t, i) => error[i] < 0.3 * Math.abs(t)).length / turn.length < 2 / 3) return true; // too few are known
  return bothLines(run).some((one) => one.left.length > Math.max(3, (turn.length * 2) / 3) && (nearly(one) || one.surplus < 4));
}

/** The frequencies of hands that turn evenly, whatever law they follow, or null if some do not. */
export function otherSpeeds(pairs) {
  const run = longestRun(pairs);
  if (run.rows.length < 4) return null;
  const [turn, error] = speeds(run), left = deviations(run.hands, (r, i) => r * turn[i]);
  const limit = 0.05 + FROM_NOISE * run.handErrors().data.reduce((a, b) => Math.max(a, b), 0);
  return error.every(Number.isFinite) && left.every((angle) => Math.abs(angle) < limit) ? turn.map(Math.abs) : null;
}
