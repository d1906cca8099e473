// What a table is called: numbers of few digits that fit it, and the known faults where none does.
//
// A port of pe/doctor/naming.py. A law is { base, step, offset, spacing, named, bits }: angles p · base^(−2i/width) at
// the positions p = offset + step · row; what is found, { pairs, law, fit, faults, positions, written, rivals, sure, again }.

import * as estimate from "./estimate.js";
import { CAST, modulo, range, round, shortened, sum } from "./numbers.js";

const { SINGLE } = estimate;
const SHORT = ["bfloat16", "float16"];
// What may have been computed in a short format, most likely first.
const ROUNDED = [
  "frequencies", "exponents", "shares", "angles", "exponents frequencies", "shares frequencies", "positions frequencies",
  "positions angles", "positions frequencies angles", "positions exponents frequencies angles",
  "positions shares frequencies angles",
].map((parts) => parts.split(" "));
const ROUNDED_NAMES = {
  positions: "Positions in a short format",
  frequencies: "Frequencies cast with the model",
  exponents: "Exponents or angles in a short format",
  shares: "Exponents or angles in a short format",
  angles: "Exponents or angles in a short format",
};

const evenly = (law, pairs) => pairs.rows.map((row) => law.offset + law.step * row);
export const frequencies = (base, width, count) => Float64Array.from({ length: count }, (_, i) => base ** ((-2 * i) / width));
const omegaOf = (law, pairs, count) => frequencies(law.base, pairs.width, count);
const angles = (law, pairs, positions) => ({ positions: positions ?? evenly(law, pairs), omega: omegaOf(law, pairs, pairs.most) });
export const glance = (pairs) => pairs.at(estimate.spread(pairs.rows.length, estimate.GLANCE));
const found = (pairs, law, fit, more = {}) =>
  ({ pairs, law, fit, faults: [], positions: null, written: "{}", rivals: [], sure: true, again: true, ...more });

/** How `law` fits if rounding and noise explain what is left; a few rows are looked at first. */
export function plain(pairs, law, positions = null, drift = SINGLE) {
  const few = estimate.spread(pairs.rows.length, estimate.GLANCE);
  let fit = estimate.compare(pairs.at(few), angles(law, pairs.at(few), positions && few.map((r) => positions[r])), drift);
  if (fit.share > 0) return null;
  if (few.length < pairs.rows.length) fit = estimate.compare(pairs, angles(law, pairs, positions), drift);
  const beyond = pairs.noise && fit.loss > 0.75 * pairs.sines.data.length * 2; // noise across the circle says how much it is
  return fit.share > 0 || beyond ? null : fit;
}

/** The fit of `law` if some part of it was rounded to a short format: which parts, and to which format. */
function rounded(pairs, law) {
  const few = glance(pairs);
  if (estimate.compare(few, angles(law, few)).share < estimate.PLAINLY) return null;
  for (const name of SHORT)
    for (const parts of ROUNDED) {
      let fit;
      for (const part of [few, pairs]) {
        fit = estimate.compare(part, roundedAngles(law, part, parts, CAST[name]));
        if (fit.share > estimate.OUTLIERS) break;
      }
      if (fit.share <= estimate.OUTLIERS) return { fit, parts, name };
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

/** Each spacing with the power to which its base is raised to be that of the paper's formula. */
function spacings(width) {
  const all = [["paper", 1]];
  if (width > 2) all.push(["tensor2tensor", width / (width - 2)]);
  if (width % 2) all.push([null, width / (width + 1)]); // the frequencies of the next even width
  return all;
}

/**
 * Numbers near an estimate, simple ones first, each with the bits that it takes to say it.
 *
 * Of the numbers of so many digits it is the nearest, and `around` of its neighbours on each side if they are no closer
 * together than the estimate is sure.
 */
export function nice(estimated, error, usual, digits = 9, around = 0) {
  const short = usual.map((x, i) => [x, 2 + i / 4]);
  for (const k of range(digits, 1)) {
    const nearest = shortened(estimated, k), unit = nearest ? 10 ** (Math.floor(Math.log10(Math.abs(nearest))) - k + 1) : 0;
    short.push([nearest, 4 + 3.32 * k]);
    if (unit < error) continue;
    for (const n of range(around, 1)) for (const step of [-n, n]) short.push([shortened(nearest + step * unit, k), 5 + 3.32 * k]);
  }
  if (digits >= 9) short.push([estimated, 54]);
  const seen = new Set(), limit = estimate.SURE * error + 1e-12 * Math.abs(estimated);
  return short.filter(([x]) => !seen.has(x) && x * estimated > 0 && Math.abs(x - estimated) <= limit && seen.add(x));
}

/** The laws near `line` that fit; for each step and spacing that with the fewest digits. */
function* laws(pairs, line, fits) {
  const n = pairs.rows.length, [intercept, , error] = line.fit(), speed = Math.exp(intercept), gaps = Math.max(n - 1, 1);
  const usual = [1, (2 * Math.PI) / n, 1 / gaps, 1 / n, (2 * Math.PI) / gaps, Math.PI / 180];
  for (const [step, bits] of nice(speed, speed * Math.min(error, 1) + 4e-7 * speed, usual)) {
    const law = { base: 1, step: line.sign * step, offset: 0, spacing: null, named: NaN, bits: bits + (line.sign < 0 ? 2 : 0) };
    let hits = false;
    for (const hit of withBases(pairs, line, law, fits)) {
      hits = true;
      yield hit;
    }
    if (hits && bits > 4) return;
  }
}

/** `law` with the bases that fit, for each spacing the first. */
function* withBases(pairs, line, law, fits, digits = 9) {
  const [, slope, , uncertain] = line.fit(Math.log(Math.abs(law.step)));
  const logBase = (-slope * pairs.width) / 2, error = (uncertain * pairs.width) / 2, known = error < Infinity;
  const usual = known ? [1e4, ...range(8, 1).map((k) => 10 ** k), 1e-4, 1, Math.exp(Math.min(pairs.width, 690))] : [1e4];
  const estimates = known ? [[logBase, error], byPhases(pairs, law, logBase)].filter(Boolean) : [[Math.log(1e4), 0]];
  for (const [spacing, power] of spacings(pairs.width)) {
    if (!known && spacing !== "paper") continue;
    for (const [middle, off] of estimates) {
      const guess = Math.exp(Math.min(Math.max(middle / power, -650), 650));
      const spread = guess * Math.expm1(Math.min(off / power, 3)) + (known ? 4e-6 * guess : 0);
      let hits = [];
      for (const [base, bits] of nice(guess, spread, usual, digits, 3)) {
        const log = Math.log(base) * power, lostMinus = base === 1e-4 && Math.abs(law.step) === 1;
        // Faster hands would leave float64; and no pair is faster than the one before.
        if (!(log > -60 && log < 690) || (base < 1 && !lostMinus)) continue;
        const total = law.bits + bits + (spacing !== "paper" ? 1 : 0) + (spacing === null ? 2 : 0);
        const based = { ...law, base: power === 1 ? base : Math.exp(log), spacing, named: base, bits: total };
        hits = [...withOffsets(pairs, based, fits)];
        if (hits.length) break;
      }
      yield* hits;
      if (hits.length) break;
    }
  }
}

/**
 * The logarithm of the base, and its error, by what the hands show in row 0, if that is a whole position: a row far from
 * position 0 tells as much of the frequencies as so many rows do.
 */
function byPhases(pairs, given, logBase) {
  const law = { ...given, base: Math.exp(Math.min(Math.max(logBase, -60), 650)) };
  const [shown, off] = firstPositions(pairs, law)[0], position = round(shown);
  const { phases, sigma, omega } = rowZero(pairs, law);
  const tells = omega.map((w, i) => (-position * w * 2 * i) / pairs.width);
  const information = sum(tells.map((t, i) => (t / sigma[i]) ** 2));
  if (Math.abs(shown - position) > off || !information) return null;
  const left = phases.map((phase, i) => {
    const angle = phase - position * omega[i];
    return angle - 2 * Math.PI * round(angle / (2 * Math.PI));
  });
  return [logBase + sum(tells.map((t, i) => (t * left[i]) / sigma[i] ** 2)) / information, information ** -0.5];
}

/** `law` with the first positions that fit. */
function* withOffsets(pairs, law, fits) {
  const tried = new Set();
  for (const [position, error] of firstPositions(pairs, law))
    for (const [offset, bits] of offsets(position, error, law.step)) {
      if (tried.has(offset)) continue;
      tried.add(offset);
      const named = { ...law, offset, bits: law.bits + bits }, fit = fits(named);
      if (fit) {
        yield [named, fit];
        break;
      }
    }
}

/** The angles of the hands in row 0 by the frequencies of `law`, their errors, and the frequencies. */
function rowZero(all, law) {
  const pairs = all.at(estimate.spread(all.rows.length, estimate.ROWS)), z = pairs.hands, k = z.columns;
  const omega = omegaOf(law, pairs, k), weight = estimate.weights(pairs.handErrors());
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

/** The positions that the hands may show in row 0 by the frequencies of `law`, and how exactly. */
function firstPositions(pairs, law) {
  const { phases, sigma: sharp, omega } = rowZero(pairs, law), sigma = sharp.map((s) => s + 1e-3);
  const slowest = Math.min(...omega), fastest = Math.max(...omega);
  const most = Math.ceil(Math.min((estimate.FARTHEST * slowest) / (2 * Math.PI), estimate.FARTHEST));
  const read = estimate.clock(omega, sigma), shown = range(2 * most + 1, -most).map((turns) => read(phases, turns));
  const about = new Map(shown.map((one) => [one, round(one[1] * 100)]));
  const error = (4 * sigma[omega.indexOf(fastest)]) / fastest;
  // Where the hands come together again and again, a whole number is likelier than any other.
  const between = ([p]) => Math.abs(p - round(p)) > error;
  shown.sort((a, b) =>
    about.get(a) - about.get(b) || between(a) - between(b) || Math.abs(a[0]) - Math.abs(b[0]) || a[0] - b[0]);
  return shown.slice(0, 3).map(([position]) => [position, error]);
}

function offsets(position, error, step) {
  const size = (x) => 2 * Math.log2(Math.abs(x) + 1), whole = round(position), count = round(position / step);
  const named = [[whole, 1 + size(whole)]];
  if (Math.abs(count * step - position) <= error + 1e-6 * Math.abs(position)) named.push([count * step, 2 + size(count)]);
  for (const k of range(6, 1)) {
    const short = shortened(position, k);
    if (Math.abs(short - position) <= error) named.push([short, 5 + 3.32 * k]);
  }
  return [...named, [position, 40]];
}

/** Whether the hands turn by the line through their speeds, before it is named: if not, by no names. */
function roughly(pairs, line) {
  const [intercept, slope] = line.fit(), some = glance(pairs), z = some.hands, k = z.columns, middle = sum(some.rows) / z.rows;
  const omega = range(k).map((i) => Math.exp(Math.min(Math.max(intercept + slope * i, -700), 60)));
  const left = estimate.deviations(z, (r, i) => line.sign * (some.rows[r] - middle) * omega[i]), error = some.handErrors().data;
  const fixed = some.format.relative + SINGLE + (estimate.FROM_NOISE * some.noise) / some.radius;
  const far = omega.map((w) => (some.rows.at(-1) + 1) * SINGLE * w * (3 + 3 * Math.abs(Math.log(w))));
  return left.every((angle, at) => Math.abs(angle) <= estimate.ROUGHLY * (fixed + far[at % k] + error[at]));
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
  const told = sum(line.points.map(([, , weight]) => Math.max(0, -Math.log2(Math.sqrt(line.surplus / weight)) - 2)));
  const phases = phaseBits(phaseErrors(pairs).map((e) => e / pairs.rows.length ** 0.5));
  const offset = law.offset === round(law.offset) ? cost(law.offset) : 20;
  return told - (law.bits - offset) >= estimate.LAW_BITS && told + phases - law.bits >= estimate.ALL_BITS;
}

/** The simplest law by which a table, seen in each of its layouts, was made. */
export function search(seen) {
  const lines = [], runs = seen.map(longestRun);
  for (const n of runs.length ? lengths(runs[0].rows.length) : []) {
    const hits = [];
    for (const [k, run] of runs.entries()) {
      const head = run.slice(0, n), both = bothLines(head).filter(Boolean);
      both.sort((a, b) => b.points.length - a.points.length || a.surplus - b.surplus);
      lines.push([n, k, head, both]);
      for (const one of both) {
        if (!roughly(head, one)) continue;
        const fitting = [...laws(head, one, (law) => plain(head, law))].sort((a, b) => a[0].bits - b[0].bits);
        const best = fitting.length && everywhere(seen[k], head, one, fitting);
        if (!best) continue;
        hits.push(best);
        break;
      }
      if (hits.length && hits.at(-1).sure && n > 8 && run.width > 8) break; // a table of this size has one layout
    }
    if (hits.length) {
      const best = hits.reduce((a, b) => (b.law.bits < a.law.bits ? b : a));
      const others = hits.flatMap((hit) => [hit, ...hit.rivals]).filter((rival) => rival !== best);
      return { ...best, rivals: others.filter((rival) => rival.law.bits < best.law.bits + estimate.RIVAL_BITS) };
    }
  }
  for (const [n, k, head, both] of lines)
    if (both.length && [runs[k].rows.length, 16, 32, 64].includes(n)) {
      const best = roundedLaw(seen[k], head, both[0]);
      if (best) return best;
    }
  for (const pairs of seen) {
    const best = byClock(pairs);
    if (best) return best;
  }
  return null;
}

function bothLines(pairs) {
  const [turn, error] = estimate.speeds(pairs);
  return [true, false].map((fromLast) => estimate.line(turn, error, fromLast));
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

/** The best law, if it fits all rows, evenly spaced or not. */
function everywhere(pairs, head, one, fitting) {
  if (head.rows.length === pairs.rows.length) {
    const [[law, fit], ...others] = fitting;
    const rivals = others.filter(([other]) => other.bits < law.bits + estimate.RIVAL_BITS).map((other) => found(pairs, ...other));
    return found(pairs, law, fit, { rivals, sure: shorter(head, one, law) });
  }
  for (const [law] of fitting.slice(0, 4)) {
    const best = elsewhere(pairs, law);
    if (best) return best;
  }
  return null;
}

/** `law` with the positions that all rows have, by a known fault or as their clocks show. */
function elsewhere(pairs, law) {
  let fit = plain(pairs, law);
  if (fit) return found(pairs, law, fit);
  for (const [name, written, positions] of known(pairs, evenly(law, pairs)))
    if ((fit = plain(pairs, law, positions))) return found(pairs, law, fit, { faults: [name], positions, written });
  return read(pairs, law);
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
function read(pairs, law) {
  const z = pairs.hands, n = z.rows, k = z.columns;
  if (k < estimate.FEWEST_CLOCKS) return null;
  const error = phaseErrors(pairs), time = estimate.clock(omegaOf(law, pairs, k), error.map((e) => e + 1e-3));
  const shown = Float64Array.from({ length: n }, (_, r) =>
    time(range(k).map((i) => Math.atan2(z.im[r * k + i], z.re[r * k + i])))[0]);
  const bits = phaseBits(error) * n;
  for (const positions of [shown.map(round), shown.map((p) => round(p * 4) / 4), shown]) {
    const fit = plain(pairs, law, positions);
    if (!fit) continue;
    const whole = positions.every(Number.isInteger);
    const spent = whole ? sum(positions.map((p) => cost(p) + 1)) : 30 * n;
    const sure = bits - spent >= estimate.ALL_BITS && positions.some((p) => p !== 0);
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
  for (const [spacing, power] of spacings(pairs.width).slice(0, 2)) {
    const best = read(pairs, { base: 10_000 ** power, step: 1, offset: 0, spacing, named: 10_000, bits: 0 });
    if (best) return best;
  }
  return null;
}

/** A law near `one` by which the whole table was made with something rounded on the way. */
function roundedLaw(pairs, head, one) {
  if (!nearly(one)) return null;
  const seen = new Map(), [log] = one.fit();
  const fits = (law) => {
    const fit = rounded(pairs, law);
    if (fit) seen.set(law, fit);
    return fit?.fit;
  };
  for (const step of [1, shortened(Math.exp(log), 1)]) {
    if (!(Math.abs(Math.log(step) - log) < 0.1)) continue;
    const law = { base: 1, step: one.sign * step, offset: 0, spacing: null, named: NaN, bits: 0 };
    for (const [best] of withBases(head, one, law, fits, 3)) {
      const tried = Math.log2(ROUNDED.length * SHORT.length);
      if (!shorter(head, one, { ...best, bits: best.bits + tried })) return null;
      const { fit, parts, name } = seen.get(best), faults = [...new Set(parts.map((part) => ROUNDED_NAMES[part]))];
      return found(pairs, best, fit, { faults, written: name, again: false });
    }
  }
  return null;
}

/** The lowest and the highest base that fit as well, all else the same. */
export function baseRange({ law, again, pairs: full, positions: all }) {
  if (!again) return [law.base, law.base];
  const pick = estimate.spread(full.rows.length, estimate.ROWS / 8), pairs = full.at(pick);
  const positions = all ? pick.map((r) => all[r]) : undefined;
  const drift = plain(full, law, all, estimate.DOUBLE) ? estimate.DOUBLE : SINGLE;
  const { loss } = estimate.compare(pairs, angles(law, pairs, positions), drift);
  const within = (log) => Math.exp(Math.min(Math.max(log, -690), 690)), middle = Math.log(law.base);
  const fits = (log) => {
    const other = estimate.compare(pairs, angles({ ...law, base: within(log) }, pairs, positions), drift);
    return other.share === 0 && other.loss <= loss + estimate.NATS;
  };
  return [-1, 1].map((sign) => {
    let inside = 0, outside = 1e-15;
    while (outside < 650 && fits(middle + sign * outside)) [inside, outside] = [outside, outside * 4];
    for (let i = 0; i < 24; i++) {
      const half = (inside + outside) / 2;
      if (fits(middle + sign * half)) inside = half;
      else outside = half;
    }
    return within(middle + sign * outside);
  });
}

/** Whether the speeds are near a law, as those are that something was rounded of. */
function nearly(one) {
  const [intercept, slope] = one.fit();
  return sum(one.points.map(([i, y]) => (y - intercept - slope * i) ** 2)) / one.points.length <= estimate.COARSE ** 2;
}

/** Whether the speeds of a table may be near some law, though none that could be named. */
export function nearlyLawful(pairs) {
  const run = longestRun(pairs), [turn, error] = estimate.speeds(run);
  if (turn.filter((t, i) => error[i] < 0.3 * Math.abs(t)).length / turn.length < 2 / 3) return true; // too few are known
  return bothLines(run).some((one) => one && one.points.length > Math.max(3, (turn.length * 2) / 3) && (nearly(one) || one.surplus < 4));
}

/** The frequencies of hands that turn evenly, whatever law they follow, or null if some do not. */
export function otherSpeeds(pairs) {
  const run = longestRun(pairs);
  if (run.rows.length < 4) return null;
  const [turn, error] = estimate.speeds(run), left = estimate.deviations(run.hands, (r, i) => r * turn[i]);
  const limit = 0.05 + estimate.FROM_NOISE * run.handErrors().data.reduce((a, b) => Math.max(a, b), 0);
  return error.every(Number.isFinite) && left.every((angle) => Math.abs(angle) < limit) ? turn.map(Math.abs) : null;
}
