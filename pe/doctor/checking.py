"""The laws as a test of somebody's own layer: which it keeps, and which known fault it has."""

import contextlib
import textwrap
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, get_args

import torch
from torch import Tensor, nn

from pe import _checks as check
from pe.doctor.faults import Fault
from pe.doctor.identify import Identification
from pe.doctor.laws import LAWS
from pe.doctor.layer import Broken, Grade, Layer, said


@dataclass(frozen=True)
class Finding:
    """What was seen of one law.

    Attributes:
        law: The law in a few words.
        grade: `"wrong numbers"`, `"limits"`, `"remarks"`, `"kept"` or `"not tried"`.
        seen: What was measured or raised.
        fault: The heading of the fault on the page Bugs seen in the wild, if it has one there.
        cause: The broken law that explains this one, if there is one.
    """

    law: str
    grade: Grade
    seen: str
    fault: Fault | None = None
    cause: str | None = None


@dataclass(frozen=True)
class Findings:
    """What [`check_layer`][pe.check_layer] found; `str()` is a table of all laws.

    Attributes:
        laws: One finding for each law, in the order in which they were tried.
        identification: What `pe.identify` says of the rows, if there were any to look at.
    """

    laws: tuple[Finding, ...]
    identification: Identification | None = None

    def of(self, grade: Grade) -> tuple[Finding, ...]:
        """Return the findings of one grade, without those that another finding explains."""
        return tuple(finding for finding in self.laws if finding.grade == grade and not finding.cause)

    @property
    def wrong(self) -> tuple[Finding, ...]:
        """Wrong numbers."""
        return self.of("wrong numbers")

    @property
    def limits(self) -> tuple[Finding, ...]:
        """Uses that the layer does not serve."""
        return self.of("limits")

    @property
    def remarks(self) -> tuple[Finding, ...]:
        """What may well be meant."""
        return self.of("remarks")

    @property
    def faults(self) -> tuple[Fault, ...]:
        """Headings of the page Bugs seen in the wild: of wrong numbers first, then of limits and remarks."""
        return tuple(dict.fromkeys(one.fault for one in (*self.wrong, *self.limits, *self.remarks) if one.fault))

    def __str__(self) -> str:
        lines = []
        for grade in get_args(Grade):
            found = self.of(grade)
            lines += [grade] if found else []
            for cause in found:
                lines.append(_lines(f"  {cause.law}", cause.seen, cause.fault))
                also = (finding for finding in self.laws if finding.cause == cause.law)
                lines += [_lines("    so also", f"{finding.law}: {finding.seen}") for finding in also]
        return "\n".join(lines)


def _lines(start: str, seen: str, fault: str | None = None) -> str:
    """Return the lines of one finding, no wider than a page of the documentation."""
    margin, width = " " * 23, 80 - 23
    lines = textwrap.wrap(seen, width)
    lines += textwrap.wrap(f"Bugs: {fault}", width, subsequent_indent=" " * 6) if fault else []
    return start.ljust(len(margin)) + f"\n{margin}".join(lines)


def check_layer(
    make: Callable[[int], Any] | nn.Module,
    d_model: int,
    *,
    call: Callable[..., Tensor] = lambda layer, x: layer(x),
    raise_on_error: bool = False,
) -> Findings:
    """Run a layer on zeros and on a few other inputs, and say which laws of the encoding it keeps.

    The layer is made anew, or copied, for every law; torch's random numbers, default dtype and gradient mode are left
    as they were.

    Explained in [Check your layer](../doctor.md).

    Args:
        make: Makes the layer for a width: its class, or a function of the width. A finished layer will do; other widths
            are not tried then.
        d_model: Width to check, in columns.
        call: Calls the layer on embeddings of shape `(batch, seq_len, d_model)`, if it takes something else. What it
            returns has to broadcast to that shape: the sum, or the encoding alone. A parameter named `offset` is given
            the position of the first token; the layer's own is used if `call` is left out.
        raise_on_error: Whether wrong numbers raise an error, for a test suite.

    Returns:
        A finding for each law. One that another explains names its cause; what the layer raises is quoted.

    Raises:
        TypeError: If `make` or `call` cannot be called, or `d_model` is not an integer.
        ValueError: If `d_model` is not positive.
        AssertionError: If `raise_on_error` is true and numbers are wrong; its message is the table of all laws.

    Examples:
        >>> import pe
        >>> findings = pe.check_layer(pe.PositionalEncoding, 64)
        >>> findings.wrong, findings.limits, findings.remarks
        ((), (), ())

    Source: the reports cited in [Bugs seen in the wild](../bugs.md).
    """
    for name, value in (("make", make), ("call", call)):
        if not callable(value):
            raise TypeError(f"{name} must be callable, got {type(value).__name__}")
    layer = Layer(make, check.integer("d_model", d_model, at_least=1), call)
    found: dict[str, Finding] = {}
    with _state_kept():
        for law, look, causes in LAWS:
            found[law] = _finding(law, look, layer, [found[cause] for cause in causes])
            if law == "shape" and found[law].grade == "wrong numbers":
                break  # nothing came out that could be looked at
    findings = Findings(tuple(found.values()), layer.__dict__.get("identified"))
    if raise_on_error and findings.wrong:
        raise AssertionError(f"wrong numbers\n{findings}")
    return findings


def _finding(law: str, look: Callable[[Layer], str], layer: Layer, causes: list[Finding]) -> Finding:
    """Look at one law; a broken one among its causes explains that it is broken as well."""
    try:
        return Finding(law, "kept", look(layer))
    except Broken as broken:
        grade, seen, fault = broken.grade, broken.seen, broken.fault
    except Exception as error:
        grade, seen, fault = "limits", said(error), None
    explained = grade in ("wrong numbers", "remarks")
    cause = next((cause for cause in causes if explained and cause.grade == "wrong numbers"), None)
    return Finding(law, grade, seen, fault, (cause.cause or cause.law) if cause else None)


@contextlib.contextmanager
def _state_kept() -> Iterator[None]:
    """Run the layer without gradients, in float32, and leave everything global to torch as it was."""
    dtype = torch.get_default_dtype()
    with warnings.catch_warnings(), torch.random.fork_rng(), torch.inference_mode(False), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.set_default_dtype(torch.float32)
        try:
            yield
        finally:
            torch.set_default_dtype(dtype)
