"""The laws that `check_layer` tries: each returns what it saw, or raises how the law is broken."""

import copy
import inspect
import math
import pickle
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from pe.doctor.faults import Fault
from pe.doctor.layer import TOLERANCE, Broken, Called, Layer, difference, said


def _shape(layer: Layer) -> str:
    try:
        layer.new()(layer.zeros(3, 5))
    except Exception as error:
        raise Broken("wrong numbers", said(error)) from None
    return "what comes out broadcasts to (batch, seq_len, d_model)"


def _input(layer: Layer) -> str:
    x = layer.random()
    before = x.clone()
    layer.call(layer.new().layer, x)
    if off := difference(x, before):
        raise Broken("wrong numbers", f"the input was changed by up to {off:.2g}")
    return "the input is what it was"


def _finite(layer: Layer) -> str:
    if bad := int((~layer.table.isfinite()).sum()):
        fault: Fault | None = "NaN at width 2" if layer.d_model == 2 else None
        raise Broken("wrong numbers", f"{bad} entries are NaN or infinite", fault)
    return "no entry is NaN or infinite"


def _same_twice(layer: Layer) -> str:
    one, x = layer.new(), torch.ones_like(layer.zeros(2, 16))
    first, second = one(x), one(x)
    if not first.equal(second):
        dropped = float(((first == 0) != (second == 0)).double().mean())
        why = ": dropout that does not stop" if dropped > 0.001 else ""
        raise Broken("wrong numbers", f"two calls in evaluation differ by {difference(first, second):.2g}{why}")
    return "two calls in evaluation agree"


def _dropout(layer: Layer) -> str:
    one, x = layer.new(), torch.ones_like(layer.zeros(2, 64))
    wanted, got = one(x), one.train()(x)
    if torch.equal(wanted, got):
        return "none"
    share = float(((got == 0) & (wanted != 0)).double().mean())
    rest = (got != 0) & (wanted.abs() > 0.01)
    grown = got[rest] / wanted[rest]
    if share and torch.allclose(grown, grown.median(), rtol=TOLERANCE):
        return f"{share:.0%} of entries, others × {grown.median():.3f}, in training alone"
    raise Broken("remarks", f"what comes out in training differs by {difference(got, wanted):.2g}, and not by dropout")


def _tokens(layer: Layer) -> str:
    y = layer.new()(layer.zeros(3, 5))
    tokens_same, sentences_same = bool((y == y[:, :1]).all()), bool((y == y[:1]).all())
    if tokens_same and not sentences_same:
        words = "all tokens of a sentence get one row, and each sentence another"
        raise Broken("wrong numbers", words, "Batch and sequence swapped")
    if tokens_same:
        raise Broken("wrong numbers", "all tokens get the same row" if y.any() else "zeros come out: nothing is added")
    if not sentences_same:
        raise Broken("wrong numbers", "a position gets another row in another sentence")
    return "tokens get different rows, sentences the same"


def _rows(layer: Layer) -> str:
    if layer.rows_are_learned:
        raise Broken("remarks", "the rows are learned: no formula to compare with")
    found = layer.identified
    if found.faults:
        raise Broken("wrong numbers", "the formula with a fault", found.faults[0])
    if found.sinusoidal is None:
        raise Broken("remarks", f"{len(layer.table)} rows of {layer.d_model} columns do not tell what made them")
    if not found.sinusoidal:
        cosines = layer.table[:, 1::2]
        sines = layer.table[:, 0::2][:, : cosines.shape[1]]
        if difference(sines, cosines) <= TOLERANCE * layer.largest:
            words = "a column and the next are equal: sines or cosines by the row"
            raise Broken("wrong numbers", words, "Slices on the wrong axis")
        raise Broken("wrong numbers", "not the formula, nor the formula with a fault that has a name")
    words = f"{found.layout}, base {found.base:,.8g}, first position {found.offset:g}"
    if found.step not in (None, 1):
        words += f", {found.step:g} positions a row"
    if found.scale is not None and abs(found.scale - 1) > TOLERANCE:
        words += f", scale {found.scale:.4g}"
    if found.step is None:
        raise Broken("remarks", f"{words}, uneven")
    return f"{words}, off by {found.error:.1g}"


def _no_row_twice(layer: Layer) -> str:
    rows, different = layer.table, len(torch.unique(layer.table, dim=0))
    words = f"{different} different rows of {len(rows)}"
    if different == len(rows):
        return words
    for middle in range(2, len(rows) - 2):
        around = min(middle, len(rows) - 1 - middle, 8)
        past, future = rows[middle - around : middle], rows[middle + 1 : middle + 1 + around]
        if past.flip(0).equal(future) and not past[0].equal(past[-1]):
            raise Broken("wrong numbers", f"{words}: the same on either side of row {middle}", "Past equal to future")
    raise Broken("remarks" if layer.rows_are_learned else "wrong numbers", words)


def _products(layer: Layer, apart: int) -> str:
    if layer.d_model % 2:
        raise Broken("not tried", "the width is odd: the last sine has no cosine")
    rows = layer.table
    apart = min(apart, len(rows) - 1)
    products = (rows[: len(rows) - apart] * rows[apart:]).sum(dim=1)
    words = f"{f'of rows {apart} apart' if apart else 'squared'}: {products.min():.2f} to {products.max():.2f}"
    if products.max() - products.min() <= 0.01 * rows.square().sum(dim=1).max():
        return words
    known = layer.identified.sinusoidal and not layer.identified.faults
    raise Broken("remarks" if known or layer.rows_are_learned else "wrong numbers", words)


def _adds(layer: Layer) -> str:
    if math.isnan(layer.scale):
        raise Broken("remarks", "the input is not just multiplied and added")
    if not layer.scale:
        return "the encoding comes alone"
    if abs(layer.scale - 1) < TOLERANCE:
        return "x + encoding"
    root = " (√d_model)" if abs(layer.scale - math.sqrt(layer.d_model)) < TOLERANCE else ""
    return f"{layer.scale:.4g}{root} · x + encoding"


def _any_length(layer: Layer) -> str:
    longest, why = layer.longest
    if why:
        raise Broken("limits", f"{longest:,} at most; then {why}", "Longer than max_len")
    return f"{longest:,} tried"


def _begins_alike(layer: Layer) -> str:
    for seq_len in (1, 3, 16, 257):
        if seq_len < len(layer.table):
            layer.compare(layer.rows(seq_len), f"{seq_len} tokens against the first {seq_len} of more")
    return "a longer sequence begins with the shorter one"


def _token_by_token(layer: Layer) -> str:
    fault: Fault = "Every token at position 0"
    call = layer.call
    if "offset" not in inspect.signature(call).parameters:
        if not layer.is_module:
            raise Broken("not tried", "a function without offset=")
        if "offset" not in inspect.signature(layer.first.layer.forward).parameters:
            raise Broken("limits", "no offset=: a token that comes alone gets row 0", fault)
        call = nn.Module.__call__
    one, x = layer.new().layer, layer.zeros(1, 1)
    steps = range(min(8, len(layer.table)))
    rows = torch.cat([call(one, x.clone(), offset=step).expand(x.shape)[0] for step in steps])
    layer.compare(rows, f"rows with offset={', all alike' if (rows == rows[0]).all() else ''}", fault)
    return "with offset= as all at once"


def _memory(layer: Layer) -> str:
    one, n = layer.new(), min(40, layer.longest[0])
    single, short, double = torch.float32, torch.bfloat16, torch.float64
    calls = (2, 2, single), (2, 2, short), (1, n, single), (3, 2, short), (1, 1, single), (1, n, double), (2, 2, single)
    for batch, seq_len, dtype in calls:
        x = layer.zeros(batch, seq_len, dtype=dtype)
        try:
            wanted, got = layer.new()(x), one(x)
        except Exception:  # an input that a new layer refuses says nothing here
            continue
        if got.dtype != wanted.dtype or not got.equal(wanted):
            words = f"{tuple(x.shape)} in {dtype} gives {got.dtype}, off by {difference(got, wanted):.2g}"
            raise Broken("wrong numbers", f"{words}, after other calls")
    return "calls of other shapes and dtypes change nothing"


def _cast(layer: Layer, dtype: torch.dtype) -> str:
    rows, eps = layer.rows(len(layer.table), layer.new().to(dtype), dtype), torch.finfo(dtype).eps
    off = (rows.double() - layer.table).abs().amax(dim=1)
    wrong = (~(off <= eps * layer.largest)).nonzero()
    if len(wrong):
        first = int(wrong[0])
        fault: Fault = "Positions in a short format" if first > 2 / eps else "Frequencies cast with the model"
        raise Broken("wrong numbers", f"off by up to {off.max():.2g}, from position {first} on", fault)
    if rows.dtype != dtype:
        raise Broken("limits" if layer.is_module else "not tried", f"{rows.dtype} comes out")
    return f"rounded: off by {off.max():.1g} at most"


def _narrow(layer: Layer, d_model: int, fault: Fault, errors: type[Exception]) -> Tensor:
    """Return the rows of another width; these errors are the limit that is meant."""
    if not layer.any_width:
        raise Broken("not tried", "a finished layer has one width; give its class")
    try:
        rows: Tensor = layer.new(d_model)(layer.zeros(1, 9, d_model))[0]
    except errors as error:
        raise Broken("limits", said(error), fault) from None
    return rows


def _odd_width(layer: Layer) -> str:
    fault: Fault = "An odd width"
    rows = _narrow(layer, 5, fault, Exception)
    if not rows[:, -1].any() and layer.table[:, 0].any():
        raise Broken("limits", "the last column holds zeros", fault)
    if not layer.rows_are_learned and difference(rows, _narrow(layer, 6, fault, Exception)[:, :5]) < TOLERANCE:
        raise Broken("remarks", "the frequencies are those of the next even width", fault)
    return "5 columns work"


def _width_2(layer: Layer) -> str:
    fault: Fault = "NaN at width 2"
    if not _narrow(layer, 2, fault, ZeroDivisionError).isfinite().all():
        raise Broken("wrong numbers", "NaN comes out", fault)
    return "2 columns work"


def _checkpoint(layer: Layer) -> str:
    held = {name.removeprefix("layer."): tensor for name, tensor in layer.first.state_dict().items()}
    fixed = {name: tensor for name, tensor in held.items() if name not in layer.learned}
    for name, tensor in fixed.items():
        if layer.large(tensor):
            raise Broken("limits", f"holds {name}, of shape {tuple(tensor.shape)}", "The table in the checkpoint")
    if fixed:
        raise Broken("remarks", f"holds {', '.join(fixed)}")
    return "holds nothing that is fixed"


def _not_trained(layer: Layer) -> str:
    for name, weight in layer.learned.items():
        if layer.large(weight) and layer.identified.sinusoidal:
            raise Broken("wrong numbers", f"an optimiser changes {name}, the table", "The table is initialised away")
    if layer.learned:
        raise Broken("remarks", f"learns {', '.join(layer.learned)}")
    return "an optimiser finds nothing"


def _initialisation(layer: Layer) -> str:
    one = layer.new()
    if layer.rows_are_learned:
        raise Broken("not tried", "rows are learned")
    for weight in one.parameters():
        if weight.dim() > 1:
            nn.init.xavier_uniform_(weight)
    rows = layer.rows(len(layer.table), one)
    layer.compare(rows, "once weights are initialised as usual", "The table is initialised away")
    return "the rows are no weights"


def _moves(layer: Layer) -> str:
    one, x = layer.new(), layer.zeros(2, 5).to("meta")
    try:
        y = layer.call(one.to("meta").layer, x)
    except Exception as error:
        if any(words in str(error) for words in (".item()", "meta tensor", "meta device")):
            raise Broken("not tried", "the values of a tensor are read, and the meta device has none") from None
        raise Broken("limits", f"a tensor stays behind: {said(error)}") from None
    if y.is_meta:
        return "follows the layer and its input"
    if not layer.is_module:
        raise Broken("not tried", "the function is not told of a device")
    raise Broken("limits", f"what comes out stays on {y.device}")


def _gradient(layer: Layer) -> str:
    if math.isnan(layer.scale) or not layer.scale:
        raise Broken("not tried", "the input is not added")
    one, x = layer.new(), layer.random().requires_grad_()
    with torch.enable_grad():
        for _ in range(2):
            y = one(x)
            if not y.requires_grad:
                raise Broken("wrong numbers", "what comes out has no gradient")
            y.sum().backward()
    if x.grad is None or not difference(x.grad, 2 * layer.scale * torch.ones_like(x)) <= TOLERANCE * abs(layer.scale):
        raise Broken("wrong numbers", "the embeddings do not get their gradient")
    return "reaches the embeddings, twice"


def _copies(layer: Layer) -> str:
    if not layer.is_module:
        raise Broken("not tried", "no nn.Module")
    one, n = layer.new(), len(layer.table)
    layer.compare(layer.rows(n, copy.deepcopy(one)), "a copy")
    try:
        pickled = pickle.loads(pickle.dumps(one.layer))
    except Exception as error:
        raise Broken("remarks", f"cannot be pickled: {said(error)}") from None
    layer.compare(layer.rows(n, Called(pickled, layer.call)), "a pickled copy")
    return "copied and pickled, it gives the same rows"


def _export(layer: Layer) -> str:
    short, long, most = (min(n, layer.longest[0]) for n in (16, 40, 2048))
    length = torch.export.Dim("seq_len", min=2, max=most)
    exported = torch.export.export(layer.new(), (layer.zeros(2, short),), dynamic_shapes={"x": {1: length}})
    layer.compare(exported.module()(layer.zeros(2, long))[0], f"{long} tokens of what was exported with {short}")
    return f"exported with {short} tokens, it takes {long}"


UNSTEADY = "finite", "same twice"
OTHER_ROWS = *UNSTEADY, "tokens differ", "rows"
# Name, check, and the laws before it whose breach explains that it fails, too.
LAWS: list[tuple[str, Callable[[Layer], str], tuple[str, ...]]] = [
    ("shape", _shape, ()),
    ("input left alone", _input, ()),
    ("finite", _finite, ()),
    ("same twice", _same_twice, ("finite",)),
    ("dropout", _dropout, ("same twice",)),
    ("tokens differ", _tokens, UNSTEADY),
    ("rows", _rows, (*UNSTEADY, "tokens differ")),
    ("no row twice", _no_row_twice, OTHER_ROWS),
    ("one norm", partial(_products, apart=0), OTHER_ROWS),
    ("products", partial(_products, apart=7), (*OTHER_ROWS, "no row twice")),
    ("adds", _adds, UNSTEADY),
    ("any length", _any_length, ()),
    ("longer begins alike", _begins_alike, OTHER_ROWS),
    ("token by token", _token_by_token, (*OTHER_ROWS, "longer begins alike")),
    ("no memory", _memory, UNSTEADY),
    ("bfloat16", partial(_cast, dtype=torch.bfloat16), UNSTEADY),
    ("float16", partial(_cast, dtype=torch.float16), (*UNSTEADY, "bfloat16")),
    ("odd width", _odd_width, OTHER_ROWS),
    ("width 2", _width_2, ("finite",)),
    ("checkpoint", _checkpoint, ()),
    ("not trained", _not_trained, ()),
    ("initialisation", _initialisation, (*UNSTEADY, "not trained")),
    ("moves", _moves, ()),
    ("gradient", _gradient, ("same twice",)),
    ("copies", _copies, UNSTEADY),
    ("export", _export, (*OTHER_ROWS, "longer begins alike")),
]
