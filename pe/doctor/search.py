"""The simplest law by which a table was made, with a known fault in it if there is none without."""

import itertools
import math
from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from pe.doctor import estimate
from pe.doctor.estimate import Law, Line, Pairs
from pe.doctor.faults import Fault
from pe.doctor.naming import (
    ROUNDED,
    SHORT,
    Found,
    bases,
    first_positions,
    laws,
    named_bases,
    plain,
    roughly,
    rounded,
    stepped,
)


def shorter(pairs: Pairs, line: Line, law: Law) -> bool:
    """Return whether the law is plainly shorter than the frequencies, and than frequencies and phases together."""
    frequencies = float((-(line.errors * line.surplus**0.5).log2() - 2).clamp_min(0).sum())
    far = 4 * estimate.SINGLE * abs(law.offset)  # away, a phase tells no more than angles in float32 do
    phase = pairs.hand_errors().square().mean(0).sqrt() / len(pairs.rows) ** 0.5 + far
    phases = float((math.pi / 2 / phase.clamp_min(2 * estimate.SINGLE)).log2().clamp_min(0).sum())
    offset_bits = 1 + 2 * math.log2(abs(law.offset) + 1) if law.offset == round(law.offset) else 20.0
    saved, saved_all = frequencies - (law.bits - offset_bits), frequencies + phases - law.bits
    return saved >= estimate.LAW_BITS and saved_all >= estimate.ALL_BITS


def search(seen: list[Pairs]) -> Found | None:
    """Return the simplest law by which a table, seen in each of its layouts, was made.

    First a law of all rows is looked for; then one of the first rows, with a known fault in the others; then one with
    something rounded on the way; and last the usual ones, at whatever positions.
    """
    heads: list[tuple[Pairs, Pairs, Line]] = []
    runs = [_longest_run(pairs) for pairs in seen]
    for n in _lengths(len(runs[0].rows)) if runs else []:
        hits: list[Found] = []
        for pairs, run in zip(seen, runs, strict=True):
            head = run.at(slice(0, n))
            lines = _lines(head)
            heads += [(pairs, head, one) for one in lines[:1] if n in {len(run.rows), 16, 32, 64}]
            hits += next(filter(None, (_everywhere(pairs, head, one) for one in lines)), [])
            if n > 8 and run.width > 8 and any(hit.sure for hit in hits):
                break  # a table of this size has one layout
        if hits:
            best = min(hits, key=lambda hit: hit.law.bits)
            near = [hit for hit in hits if hit is not best and hit.law.bits < best.law.bits + estimate.RIVAL_BITS]
            near = [hit for hit in near if plain(hit.pairs, hit.law, hit.positions, best.drift)]
            return replace(best, rivals=tuple(near))
    rounded_on_the_way = (_rounded_law(*head) for head in heads)
    return next(filter(None, itertools.chain(rounded_on_the_way, map(_by_clock, seen))), None)


def _longest_run(pairs: Pairs) -> Pairs:
    ends = [0, *((pairs.rows.diff() != 1).nonzero().flatten() + 1).tolist(), len(pairs.rows)]
    start, stop = max(itertools.pairwise(ends), key=lambda run: run[1] - run[0])
    return pairs.at(slice(start, stop))


def _lengths(rows: int) -> list[int]:
    lengths = [rows]
    while lengths[-1] > 8:
        lengths.append(lengths[-1] // 4 if lengths[-1] > 64 else lengths[-1] // 2)
    return [n for n in lengths if n > 1]


def _lines(pairs: Pairs) -> list[Line]:
    """Return the lines through the speeds if the last are the slowest, and if the first are, the better one first."""
    turn, error = estimate.speeds(pairs)
    both = (estimate.line(turn, error, last) for last in (True, False))
    return sorted(filter(None, both), key=lambda one: (-len(one.left), one.surplus))


def _everywhere(pairs: Pairs, head: Pairs, one: Line) -> list[Found]:
    """Return the laws near `one` that fit the first rows and then all of them, evenly spaced or not."""
    found = sorted(laws(head, one), key=lambda hit: hit[0].bits) if roughly(head, one) else []
    if len(head.rows) == len(pairs.rows):
        return [Found(pairs, law, fit, sure=shorter(head, one, law)) for law, fit in found]
    best = next(filter(None, (_elsewhere(pairs, law) for law, _ in found[:4])), None)
    return [replace(best, sure=best.sure and shorter(head, one, best.law))] if best else []


def _elsewhere(pairs: Pairs, law: Law) -> Found | None:
    """Return `law` with the positions that all rows have, by a known fault or as their clocks show."""
    if fit := plain(pairs, law):
        return Found(pairs, law, fit)
    even = law.positions(pairs.rows)
    for name, written, positions in _known(pairs, even):
        if fit := plain(pairs, law, positions):
            return Found(pairs, law, fit, (name,), positions, written)
    return _read(pairs, law)


def _known(pairs: Pairs, even: Tensor) -> Iterator[tuple[Fault, str, Tensor]]:
    """Yield what known faults make of evenly spaced positions, and how to write it."""
    yield "Past equal to future", "({}).abs()", even.abs()
    for dtype in SHORT.values():
        yield "Positions in a short format", f"({{}}).to({dtype})", even.to(dtype).double()
    for size in (2**8, 2**16):
        yield "Positions that wrap around", f"({{}}) % {size}", even % size
        half = size // 2
        yield "Positions that wrap around", f"({{}} + {half}) % {size} - {half}", (even + half) % size - half
    table = torch.cat([pairs.sines, pairs.cosines], 1)
    same = ((table - table[0]).abs().amax(1) <= 4 * estimate.SINGLE * pairs.radius).nonzero().flatten()
    if len(same) > 1:
        period = int(same[1])
        again = torch.arange(len(even)) % period
        yield "Positions that wrap around", f"({{}})[torch.arange({len(even)}) % {period}]", even[again]


def _read(pairs: Pairs, law: Law) -> Found | None:
    """Return `law` with the positions that the rows show, each read for itself."""
    z = pairs.hands
    if z.shape[1] < estimate.FEWEST_CLOCKS:
        return None
    omega = law.omega(z.shape[1], pairs.width)
    error = pairs.hand_errors().square().mean(0).sqrt()
    shown, _ = estimate.clock(z.angle(), omega, error + 1e-3)
    bits = float((math.pi / 2 / error.clamp_min(2 * estimate.SINGLE)).log2().clamp_min(0).sum()) * len(z)
    for positions in (shown.round(), (shown * 4).round() / 4, shown):
        if fit := plain(pairs, law, positions):
            whole = bool((positions == positions.round()).all())
            spent = float((2 + 2 * (positions.abs() + 1).log2()).sum()) if whole else 30.0 * len(z)
            sure = bits - spent >= estimate.ALL_BITS and bool((positions != 0).any())
            step = sorted(set((positions.diff() / pairs.rows.diff()).tolist()))
            if len(step) == 1 and step[0] != 0:
                first = float(positions[0] - step[0] * pairs.rows[0])
                return Found(pairs, replace(law, step=step[0], offset=first), fit, sure=sure)
            fault: Fault = "Every token at position 0" if positions[0] == 0 else "Batch and sequence swapped"
            return Found(pairs, law, fit, (fault,) * (len(step) == 1), positions, "", sure=sure)
    return None


def _by_clock(pairs: Pairs) -> Found | None:
    """Return one of the two usual laws at whatever positions the rows show."""
    for spacing, power in (("paper", 1.0), ("tensor2tensor", pairs.width / max(pairs.width - 2, 1))):
        if found := _read(pairs, Law(1e4**power, spacing=spacing, named=1e4)):
            return found
    return None


def _rounded_law(pairs: Pairs, head: Pairs, one: Line) -> Found | None:
    """Return a law near `one` by which the whole table was made with something rounded on the way."""
    if not nearly(one):
        return None
    log, _ = one.at(0)
    steps = [x for x in (1.0, float(f"{math.exp(log):.1g}")) if abs(math.log(x) - log) < 0.1]
    for step in steps:
        law, unsure = stepped(one, step, 0.0, head.width)
        around = estimate.SURE * min(unsure, 1.0)
        ends = math.log(law.base) - around, math.log(law.base) + around
        placed = itertools.chain.from_iterable(first_positions(head, law))
        for based in (b for p in placed for named in named_bases(p, head.width, *ends, digits=3) for b in named):
            tried = math.log2(len(ROUNDED) * len(SHORT))
            if shorter(head, one, replace(based, bits=based.bits + tried)) and (hit := rounded(pairs, based)):
                fit, faults, name = hit
                return Found(pairs, based, fit, faults, written=name, again=False)
    return None


def base_range(found: Found) -> tuple[float, float]:
    """Return the lowest and the highest base that fit as well, all else the same."""
    law, pairs = found.law, found.pairs
    if not found.again:
        return law.base, law.base
    positions = law.positions(pairs.rows) if found.positions is None else found.positions
    low, high = bases(pairs, positions, math.log(law.base), 0.0, found.drift)
    return min(math.exp(low), law.base), max(math.exp(high), law.base)


def nearly(one: Line) -> bool:
    """Return whether the speeds are near a law, as those are that something was rounded of."""
    return float(one.left.square().mean()) <= estimate.COARSE**2


def nearly_lawful(pairs: Pairs) -> bool:
    """Return whether the speeds of a table may be near some law, though none that could be named."""
    run = _longest_run(pairs)
    turn, error = estimate.speeds(run)
    if float((error < 0.3 * turn.abs()).double().mean()) < 2 / 3:
        return True  # too few are known
    return any(len(one.left) > max(3, len(turn) * 2 / 3) and (nearly(one) or one.surplus < 4) for one in _lines(run))


def other_speeds(pairs: Pairs) -> Tensor | None:
    """Return the frequencies of hands that turn evenly, whatever law they follow, or None if some do not."""
    run = _longest_run(pairs)
    if len(run.rows) < 4:
        return None
    turn, error = estimate.speeds(run)
    row = torch.arange(len(run.rows), dtype=torch.float64)[:, None]
    uneven = estimate.deviations(run.hands, row * turn).abs().amax()
    limit = 0.05 + estimate.FROM_NOISE * float(run.hand_errors().max())
    return turn.abs() if bool(error.isfinite().all()) and float(uneven) < limit else None
