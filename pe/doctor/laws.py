"""Each law that `check_layer` tries, in a few lines that stand alone."""

import contextlib
import copy
import inspect
import math
import pickle
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from pe.doctor.faults import Fault
from pe.doctor.layer import TOLERANCE, Layer, said

Grade = Literal["wrong numbers", "limits", "remarks", "kept", "not tried"]


class Seen(NamedTuple):
    """What was seen of a law: how bad it is, in words, and the heading of the fault on the page of bugs."""

    grade: Grade
    words: str
    fault: Fault | None = None


LAWS: list[tuple[str, tuple[str, ...], Callable[[Layer], Seen]]] = []


def law(name: str, *causes: str) -> Callable[[Callable[[Layer], Seen]], Callable[[Layer], Seen]]:
    """Enter a check into the list of laws, with the laws before it whose breach explains that it fails, too."""

    def enter(look: Callable[[Layer], Seen]) -> Callable[[Layer], Seen]:
        LAWS.append((name, causes, look))
        return look

    return enter


def kept(words: str) -> Seen:
    """Return that a law is kept."""
    return Seen("kept", words)


@law("shape")
def _shape(layer: Layer) -> Seen:
    try:
        layer.output(layer.zeros(3, 5, layer.d_model))
    except Exception as error:
        return Seen("wrong numbers", said(error))
    return kept("what comes out broadcasts to (batch, seq_len, d_model)")


@law("input left alone")
def _input(layer: Layer) -> Seen:
    x = torch.randn(2, 5, layer.d_model).to(layer.device)
    before = x.clone()
    layer.call(layer.new(), x)
    if not torch.equal(x, before):
        return Seen("wrong numbers", f"the input was changed by up to {_off(x, before):.2g}")
    return kept("the input is what it was")


@law("finite")
def _finite(layer: Layer) -> Seen:
    if bad := int((~layer.table.isfinite()).sum()):
        words = f"{bad} entries are NaN or infinite"
        return Seen("wrong numbers", words, "NaN at width 2" if layer.d_model == 2 else None)
    return kept("no entry is NaN or infinite")


@law("same twice", "finite")
def _same_twice(layer: Layer) -> Seen:
    one = layer.new()
    x = torch.ones_like(layer.zeros(2, 16, layer.d_model))
    first, second = layer.output(x, one), layer.output(x, one)
    if not torch.equal(first, second):
        dropped = float(((first == 0) != (second == 0)).double().mean())
        why = ": dropout that does not stop" if dropped > 0.001 else ""
        return Seen("wrong numbers", f"two calls in evaluation differ by {_off(first, second):.2g}{why}")
    return kept("two calls in evaluation agree")


@law("dropout", "same twice")
def _dropout(layer: Layer) -> Seen:
    if not layer.is_module:
        return Seen("not tried", "no nn.Module: nothing says whether it trains")
    one = layer.new()
    x = torch.ones_like(layer.zeros(2, 64, layer.d_model))
    wanted, got = layer.output(x, one), layer.output(x, one.train())
    if torch.equal(wanted, got):
        return kept("none")
    drops = (got == 0) & (wanted != 0)
    share, rest = float(drops.double().mean()), ~drops & (wanted.abs() > 0.01)
    grown = float((got[rest] / wanted[rest]).median())
    if share and _off(got[rest], grown * wanted[rest]) < TOLERANCE * grown * float(wanted.abs().max()):
        return kept(f"{share:.0%} of entries, others × {grown:.3f}, in training alone")
    return Seen("remarks", f"what comes out in training differs by {_off(got, wanted):.2g}, and not by dropout")


@law("tokens differ", "finite", "same twice")
def _tokens(layer: Layer) -> Seen:
    y = layer.output(layer.zeros(3, 5, layer.d_model))
    same_tokens, same_sentences = _off(y, y[:, :1]) == 0, _off(y, y[:1]) == 0
    if same_tokens and not same_sentences:
        words = "all tokens of a sentence get one row, and each sentence another"
        return Seen("wrong numbers", words, "Batch and sequence swapped")
    if same_tokens:
        return Seen("wrong numbers", "all tokens get the same row" if y.any() else "zeros come out: nothing is added")
    if not same_sentences:
        return Seen("wrong numbers", "a position gets another row in another sentence")
    return kept("tokens get different rows, sentences the same")


@law("rows", "finite", "same twice", "tokens differ")
def _convention(layer: Layer) -> Seen:
    if layer.rows_are_learned:
        return Seen("remarks", "the rows are learned: no formula to compare with")
    found = layer.identified
    if found.faults:
        return Seen("wrong numbers", "the formula with a fault", found.faults[0])
    if found.sinusoidal is None:
        return Seen("remarks", f"{len(layer.table)} rows of {layer.d_model} columns do not tell what made them")
    if found.sinusoidal:
        even = f", {found.step:g} positions a row" if found.step not in (None, 1.0) else ""
        scaled = f", scale {found.scale:.4g}" if found.scale is not None and abs(found.scale - 1) > TOLERANCE else ""
        words = f"{found.layout}, base {found.base:,.8g}, first position {found.offset:g}{even}{scaled}"
        return (
            kept(f"{words}, off by {found.error:.1g}")
            if found.step is not None
            else Seen("remarks", f"{words}, uneven")
        )
    sines, cosines = layer.table[:, 0::2], layer.table[:, 1::2]
    if _off(sines[:, : cosines.shape[1]], cosines) <= TOLERANCE * layer.largest:
        return Seen(
            "wrong numbers", "a column and the next are equal: sines or cosines by the row", "Slices on the wrong axis"
        )
    return Seen("wrong numbers", "not the formula, nor the formula with a fault that has a name")


def _of_rows(layer: Layer, words: str) -> Seen:
    """Grade what is seen of the rows: learned ones, and those of a known convention, may be different."""
    meant = layer.rows_are_learned or (layer.identified.sinusoidal and not layer.identified.faults)
    return Seen("remarks" if meant else "wrong numbers", words)


ROWS_WRONG = "finite", "same twice", "tokens differ", "rows"  # the laws that explain whatever is seen of the rows


@law("no row twice", *ROWS_WRONG)
def _distinct(layer: Layer) -> Seen:
    rows = layer.table
    different = len(torch.unique(rows, dim=0))
    words = f"{different} different rows of {len(rows)}"
    if different == len(rows):
        return kept(words)
    for middle in range(2, len(rows) - 2):
        around = min(middle, len(rows) - 1 - middle, 8)
        past, future = rows[middle - around : middle], rows[middle + 1 : middle + 1 + around]
        if _off(past.flip(0), future) == 0 and _off(past[0], past[-1]):
            return Seen("wrong numbers", f"{words}: the same on either side of row {middle}", "Past equal to future")
    return Seen("remarks" if layer.rows_are_learned else "wrong numbers", words)


@law("one norm", *ROWS_WRONG)
def _norm(layer: Layer) -> Seen:
    if layer.d_model % 2:
        return Seen("not tried", "the width is odd: the last sine has no cosine")
    norms = layer.table.norm(dim=1)
    words = f"rows have norms from {norms.min():.2f} to {norms.max():.2f}"
    even = float(norms.max() - norms.min()) <= 0.01 * float(norms.max())
    return kept(words) if even else _of_rows(layer, words)


@law("products", *ROWS_WRONG, "no row twice")
def _products(layer: Layer) -> Seen:
    if layer.d_model % 2:
        return Seen("not tried", "the width is odd: the last sine has no cosine")
    products = (layer.table[:-7] * layer.table[7:]).sum(dim=1)
    if not len(products):
        return Seen("not tried", f"{len(layer.table)} rows are too few")
    words = f"of rows 7 apart: {products.min():.2f} to {products.max():.2f}"
    even = float(products.max() - products.min()) <= 0.01 * float(layer.table.square().sum(dim=1).max())
    return kept(words) if even else _of_rows(layer, words)


@law("adds", "finite", "same twice")
def _adds(layer: Layer) -> Seen:
    if math.isnan(layer.scale):
        return Seen("remarks", "the input is not just multiplied and added")
    root = " (√d_model)" if abs(layer.scale - math.sqrt(layer.d_model)) < TOLERANCE else ""
    if not layer.scale:
        return kept("the encoding comes alone")
    return kept(f"{'' if abs(layer.scale - 1) < TOLERANCE else f'{layer.scale:.4g}{root} · '}x + encoding")


@law("any length")
def _any_length(layer: Layer) -> Seen:
    longest, why = layer.longest
    return (
        Seen("limits", f"{longest:,} at most; then {why}", "Longer than max_len") if why else kept(f"{longest:,} tried")
    )


@law("longer begins alike", *ROWS_WRONG)
def _prefix(layer: Layer) -> Seen:
    for seq_len in (length for length in (1, 3, 16, 257) if length < len(layer.table)):
        off = _off(layer.rows(seq_len), layer.table[:seq_len])
        if not off <= TOLERANCE * layer.largest:
            return Seen("wrong numbers", f"{seq_len} tokens differ by {off:.2g} from the first {seq_len} of more")
    return kept("a longer sequence begins with the shorter one")


@law("token by token", *ROWS_WRONG, "longer begins alike")
def _token_by_token(layer: Layer) -> Seen:
    plain = inspect.signature(layer.call).parameters
    own = inspect.signature(layer.first.forward).parameters if layer.is_module else {}
    if "offset" not in plain and "offset" not in own:
        if not layer.is_module:
            return Seen("not tried", "a function without offset=")
        return Seen("limits", "no offset=: a token that comes alone gets row 0", "Every token at position 0")
    one, steps = layer.new(), min(8, len(layer.table))
    x = layer.zeros(1, 1, layer.d_model)
    call = layer.call if "offset" in plain else lambda layer, x, offset: layer(x, offset=offset)
    rows = torch.cat([call(one, x.clone(), offset=step).expand(x.shape)[0] for step in range(steps)])
    off = _off(rows, layer.table[:steps])
    if not off <= TOLERANCE * layer.largest:
        alike = "; all get one row" if len(torch.unique(rows, dim=0)) == 1 else ""
        return Seen("wrong numbers", f"with offset= off by {off:.2g}{alike}", "Every token at position 0")
    return kept("with offset= as all at once")


@law("no memory", "finite", "same twice")
def _memory(layer: Layer) -> Seen:
    one, float32, bfloat16 = layer.new(), torch.float32, torch.bfloat16
    n = min(40, layer.longest[0])
    calls = [
        (2, 2, float32),
        (2, 2, bfloat16),
        (1, n, float32),
        (3, 2, bfloat16),
        (1, 1, float32),
        (1, n, torch.float64),
    ]
    for batch, seq_len, dtype in [*calls, calls[0]]:
        x = layer.zeros(batch, seq_len, layer.d_model, dtype=dtype)
        with contextlib.suppress(Exception):  # an input that a new layer refuses says nothing here
            wanted = layer.output(x)
            got = layer.output(x, one)
            if got.dtype != wanted.dtype:
                words = f"{tuple(x.shape)} in {_name(dtype)} gives {_name(got.dtype)} after other calls"
                return Seen("wrong numbers", f"{words}, {_name(wanted.dtype)} before them")
            if not torch.equal(got, wanted):
                off = _off(got, wanted)
                return Seen(
                    "wrong numbers", f"{tuple(x.shape)} in {_name(dtype)} is off by {off:.2g} after other calls"
                )
    return kept("calls of other shapes and dtypes change nothing")


def _cast(layer: Layer, dtype: torch.dtype) -> Seen:
    one = layer.new()
    if layer.is_module:
        one.to(dtype)
    rows = layer.rows(len(layer.table), one, dtype)
    eps = torch.finfo(dtype).eps
    off = (rows.double() - layer.table).abs().amax(dim=1)
    wrong = (~(off <= eps * layer.largest)).nonzero()
    if len(wrong):
        first = int(wrong[0])
        fault: Fault = "Positions in a short format" if first > 2 / eps else "Frequencies cast with the model"
        return Seen("wrong numbers", f"off by up to {off.max():.2g}, from position {first} on", fault)
    if rows.dtype != dtype and not layer.is_module:
        return Seen("not tried", f"the function gives {_name(rows.dtype)}")
    if rows.dtype != dtype:
        return Seen("limits", f"{_name(rows.dtype)} comes out")
    return kept(f"rounded: off by {off.max():.1g} at most")


@law("bfloat16", "finite", "same twice")
def _bfloat16(layer: Layer) -> Seen:
    return _cast(layer, torch.bfloat16)


@law("float16", "finite", "same twice", "bfloat16")
def _float16(layer: Layer) -> Seen:
    return _cast(layer, torch.float16)


def _narrow(layer: Layer, d_model: int, seq_len: int = 9) -> Tensor:
    """Return the rows of another width."""
    x = layer.zeros(1, seq_len, d_model)
    return layer.output(x, layer.new(d_model))[0]


@law("odd width", *ROWS_WRONG)
def _odd_width(layer: Layer) -> Seen:
    if not layer.any_width:
        return Seen("not tried", "a finished layer has one width; give its class")
    try:
        rows = _narrow(layer, 5)
    except Exception as error:
        return Seen("limits", said(error), "An odd width")
    if not rows[:, -1].any() and layer.table[:, 0].any():
        return Seen("limits", "the last column holds zeros", "An odd width")
    if not layer.rows_are_learned:
        with contextlib.suppress(Exception):
            if _off(rows, _narrow(layer, 6)[:, :5]) < TOLERANCE:
                return Seen("remarks", "the frequencies are those of the next even width", "An odd width")
    return kept("5 columns work")


@law("width 2", "finite")
def _width_2(layer: Layer) -> Seen:
    if not layer.any_width:
        return Seen("not tried", "a finished layer has one width; give its class")
    try:
        finite = _narrow(layer, 2).isfinite().all()
    except ZeroDivisionError as error:
        return Seen("limits", said(error), "NaN at width 2")
    return kept("2 columns work") if finite else Seen("wrong numbers", "NaN comes out", "NaN at width 2")


@law("checkpoint")
def _checkpoint(layer: Layer) -> Seen:
    if not layer.is_module:
        return Seen("not tried", "no nn.Module: nothing is saved")
    fixed = {name: held for name, held in layer.first.state_dict().items() if name not in layer.learned}
    for name, held in fixed.items():
        if held.numel() >= 2 * layer.d_model:
            return Seen("limits", f"holds {name}, of shape {tuple(held.shape)}", "The table in the checkpoint")
    return Seen("remarks", f"holds {', '.join(fixed)}") if fixed else kept("holds nothing that is fixed")


@law("not trained")
def _not_trained(layer: Layer) -> Seen:
    weights = dict(layer.first.named_parameters()) if layer.is_module else {}
    for name in layer.learned:
        if weights[name].numel() >= 2 * layer.d_model and layer.identified.sinusoidal:
            return Seen("wrong numbers", f"an optimiser changes {name}, the table", "The table is initialised away")
    if layer.learned:
        return Seen("remarks", f"learns {', '.join(layer.learned)}")
    return kept("an optimiser finds nothing")


@law("initialisation", "finite", "same twice", "not trained")
def _initialisation(layer: Layer) -> Seen:
    if not layer.is_module or layer.rows_are_learned:
        return Seen("not tried", "rows are learned" if layer.is_module else "no nn.Module: no weights")
    one = layer.new()
    for module in one.modules():
        if isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=0.02)
    for weight in one.parameters():
        if weight.dim() > 1:
            nn.init.xavier_uniform_(weight)
    off = _off(layer.rows(len(layer.table), one), layer.table)
    if not off <= TOLERANCE * layer.largest:
        words = f"weights initialised as usual, the rows are off by {off:.2g}"
        return Seen("wrong numbers", words, "The table is initialised away")
    return kept("the rows are no weights")


@law("moves")
def _moves(layer: Layer) -> Seen:
    x = torch.zeros(2, 5, layer.d_model, device="meta")
    one = layer.new()
    try:
        y = layer.call(one.to("meta") if layer.is_module else one, x)
    except Exception as error:
        if any(words in str(error) for words in (".item()", "meta tensor", "meta device")):
            return Seen("not tried", "the values of a tensor are read, and the meta device has none")
        return Seen("limits", f"a tensor stays behind: {said(error)}")
    if y.device.type == "meta":
        return kept("follows the layer and its input")
    if not layer.is_module:
        return Seen("not tried", "the function is not told of a device")
    return Seen("limits", f"what comes out stays on {y.device}")


@law("gradient", "same twice")
def _gradient(layer: Layer) -> Seen:
    if math.isnan(layer.scale) or not layer.scale:
        return Seen("not tried", "the input is not added")
    one = layer.new()
    with torch.enable_grad():
        x = torch.randn(2, 5, layer.d_model).to(layer.device).requires_grad_()
        for _ in range(2):
            y = layer.output(x, one)
            if not y.requires_grad:
                return Seen("wrong numbers", "what comes out has no gradient")
            y.sum().backward()  # type: ignore[no-untyped-call]
    if x.grad is None or not _off(x.grad / 2, torch.full_like(x, layer.scale)) <= TOLERANCE * abs(layer.scale):
        return Seen("wrong numbers", "the embeddings do not get their gradient")
    return kept("reaches the embeddings, twice")


@law("copies", "finite", "same twice")
def _copies(layer: Layer) -> Seen:
    if not layer.is_module:
        return Seen("not tried", "no nn.Module")
    one = layer.new()
    rows = layer.rows(3, one)
    if not torch.equal(layer.rows(3, copy.deepcopy(one)), rows):
        return Seen("wrong numbers", "a copy gives other rows")
    try:
        pickled = pickle.loads(pickle.dumps(one))
    except Exception as error:
        return Seen("remarks", f"cannot be pickled: {said(error)}")
    if not torch.equal(layer.rows(3, pickled), rows):
        return Seen("wrong numbers", "a pickled copy gives other rows")
    return kept("copied and pickled, it gives the same rows")


class _Called(nn.Module):
    """The layer as it is called, for an exporter, which takes modules alone."""

    def __init__(self, layer: Any, call: Callable[..., Tensor]) -> None:
        super().__init__()
        self.layer, self.call = layer, call

    def forward(self, x: Tensor) -> Tensor:
        return self.call(self.layer, x)


@law("export", *ROWS_WRONG, "longer begins alike")
def _export(layer: Layer) -> Seen:
    short, long = 16, min(40, layer.longest[0])
    if long <= short:
        return Seen("not tried", f"{long} positions are too few")
    x = layer.zeros(2, short, layer.d_model)
    length = torch.export.Dim("seq_len", min=2, max=min(2048, layer.longest[0]))
    try:
        exported = torch.export.export(_Called(layer.new(), layer.call), (x,), dynamic_shapes={"x": {1: length}})
        x = layer.zeros(2, long, layer.d_model)
        got = exported.module()(x).expand(x.shape)
    except Exception as error:
        return Seen("limits", said(error))
    off = _off(got[0], layer.table[:long])
    if not off <= TOLERANCE * layer.largest:
        return Seen("wrong numbers", f"{long} tokens of what was exported with {short} are off by {off:.2g}")
    return kept("exported with 16 tokens, it takes others")


def _off(x: Tensor, y: Tensor) -> float:
    """Return the largest difference; NaN if there is one."""
    return float((x.double() - y.double()).abs().max()) if x.numel() else 0.0


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
