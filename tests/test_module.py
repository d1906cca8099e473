"""The layer against the table, in every situation a model brings it into."""

import copy
import functools
import gc
import io
import itertools
import math
import pickle
import random
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any, get_args

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch._dynamo.backends.common import aot_autograd
from torch._dynamo.testing import CompileCounter
from torch._functorch._aot_autograd.utils import make_boxed_func
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.checkpoint import checkpoint

import pe
from tests.conftest import since


@pytest.fixture(autouse=True)
def _forget_compiled_code() -> None:
    """A compiler gives up after some versions of one function, whichever tests asked for them."""
    torch.compiler.reset()


DTYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16]


@given(
    batch=st.lists(st.integers(0, 3), max_size=2),
    seq_len=st.integers(0, 20),
    d_model=st.integers(1, 9),
    offset=st.integers(-20, 600),
    dtype=st.sampled_from(DTYPES),
    layout=st.sampled_from(["interleaved", "sin_cos", "cos_sin"]),
)
def test_adds_the_table(
    batch: list[int], seq_len: int, d_model: int, offset: int, dtype: torch.dtype, layout: Any
) -> None:
    layer = pe.PositionalEncoding(d_model, base=100.0, layout=layout)
    x = torch.randn(*batch, seq_len, d_model, dtype=dtype)
    before = x.clone()
    table = pe.generate_position_encoding(seq_len, d_model, base=100.0, offset=offset, layout=layout, dtype=dtype)
    assert torch.equal(layer(x, offset=offset), x + table)
    assert torch.equal(x, before)


def test_one_layer_serves_any_order_of_lengths_offsets_and_dtypes() -> None:
    layer = pe.PositionalEncoding(8)
    for seq_len, offset, dtype in [
        (3, 0, 1),
        (700, 0, 1),
        (3, 0, 2),
        (1, 699, 2),
        (1, 5000, 1),
        (256, 4990, 1),
        (2, -4, 3),
        (700, 0, 0),
    ]:
        x = torch.zeros(seq_len, 8, dtype=DTYPES[dtype])
        expected = pe.generate_position_encoding(seq_len, 8, offset=offset, dtype=x.dtype)
        assert torch.equal(layer(x, offset=offset), expected)


class Operations(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes the names of the operations that run."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.names: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.add(func.overloadpacket.__name__)
        return func(*args, **(kwargs or {}))


def test_rows_are_not_computed_again() -> None:
    layer, token, nothing = pe.PositionalEncoding(8), torch.zeros(1, 8), torch.zeros(0, 8)
    layer(torch.zeros(5, 8))
    with Operations() as ran:
        for offset in range(256):
            layer(token, offset=offset)
            layer(nothing, offset=offset)
            layer(nn.Parameter(token), offset=offset)
    assert ran.names <= {"slice", "add", "detach"}


def test_positions() -> None:
    layer = pe.PositionalEncoding(6)
    x = torch.randn(2, 3, 6)
    table = pe.generate_position_encoding(10, 6)
    for positions in (
        torch.tensor([[0, 0, 1], [4, 9, 2]]),
        torch.tensor([7, 8, 9]),
        torch.tensor(2),
    ):
        assert torch.equal(layer(x, positions=positions), x + table[positions.expand(2, 3)])
    assert torch.equal(layer(x, positions=torch.full((3,), 0.5)), x + pe.encode_positions(torch.tensor(0.5), 6))


@pytest.mark.parametrize("compiled", [False, True])
def test_each_sentence_may_go_on_from_its_own_offset(compiled: bool) -> None:
    layer, x = pe.PositionalEncoding(6), torch.randn(2, 3, 6)
    ask = torch.compile(layer, fullgraph=True, backend="aot_eager") if compiled else layer
    table = pe.generate_position_encoding(50, 6)
    expected = x + torch.stack([table[7:10], table[40:43]])
    for dtype in (torch.int64, torch.int32, torch.uint8):
        assert torch.equal(ask(x, offset=torch.tensor([7, 40], dtype=dtype)), expected)
    assert torch.equal(ask(x, offset=torch.tensor(40)), x + table[40:43])
    assert torch.equal(ask(x, offset=torch.tensor([40])), x + table[40:43])
    deep = x.expand(4, 2, 3, 6)
    assert torch.equal(ask(deep, offset=torch.tensor([7, 40])), expected.expand(4, 2, 3, 6))


def test_positions_close_together_are_looked_up() -> None:
    layer, x = pe.PositionalEncoding(8), torch.randn(2, 40, 8)
    layer(x, offset=600)
    with Operations() as ran:
        layer(x, positions=torch.randint(600, 800, (2, 40)))
    assert not {"sin", "cos", "mul"} & set(ran.names)
    wide = torch.randint(-(2**32), 2**32, (2, 40))
    assert torch.equal(layer(x, positions=wide), x + pe.encode_positions(wide, 8))


def test_scale_and_dropout() -> None:
    x = torch.randn(4, 50, 64)
    table = pe.generate_position_encoding(50, 64)
    assert torch.allclose(pe.PositionalEncoding(64, scale=8.0)(x), 8 * x + table, atol=1e-6)
    layer = pe.PositionalEncoding(64, dropout=0.25)
    torch.manual_seed(0)
    dropped = layer(x)
    kept = dropped != 0
    assert 0.7 < kept.float().mean() < 0.8
    assert torch.allclose(dropped[kept], ((x + table) / 0.75)[kept])
    assert torch.equal(layer.eval()(x), x + table)


def test_dropout_may_stand_second() -> None:
    assert pe.PositionalEncoding(8, 0.1).dropout.p == pe.PositionalEncoding(8, dropout=0.1).dropout.p == 0.1
    with pytest.raises(ValueError, match=r"dropout must be .* from 0 to 1, got 5000; .*max_len.* is not needed"):
        pe.PositionalEncoding(8, 5000)
    with pytest.raises(TypeError, match="positional"):
        pe.PositionalEncoding(8, 0.1, 5000)  # type: ignore[call-arg]


@pytest.mark.parametrize("dtype", DTYPES[1:])
def test_scale_is_not_rounded_to_the_dtype_of_the_input(dtype: torch.dtype) -> None:
    scale, x = math.sqrt(768), torch.randn(64, 768, dtype=dtype)
    scaled = scale * x.double()
    exact = scaled + pe.generate_position_encoding(64, 768, dtype=dtype).double()
    error = pe.PositionalEncoding(768, scale=scale)(x).double() - exact
    # Half a step of the product and of the sum, in float32 that of the factor besides; nothing more leans to one side.
    step = torch.finfo(dtype).eps
    assert (error.abs() <= step / 2 * (scaled.abs() + exact.abs()) + step * step + 2**-24 * scaled.abs()).all()
    assert abs((error * scaled.sign()).sum() / scaled.abs().sum()) <= max(step / 100, 2**-24)


def test_settings_may_change() -> None:
    layer, x = pe.PositionalEncoding(8), torch.zeros(3, 8)
    for name, value in (("base", 100.0), ("layout", "sin_cos"), ("scale", 2.0)):
        layer(x)
        setattr(layer, name, value)
        assert torch.equal(layer(x), pe.generate_position_encoding(3, 8, base=layer.base, layout=layer.layout))
    layer.base = 0.0
    with pytest.raises(ValueError, match="base must be"):
        layer(x)


@pytest.mark.parametrize("other", [nn.Identity(), nn.AlphaDropout(0.5)])
def test_dropout_may_be_replaced(other: nn.Module) -> None:
    layer, x = pe.PositionalEncoding(8, dropout=0.5), torch.zeros(3, 8)
    layer.dropout = other
    torch.manual_seed(0)
    y = layer(x)
    torch.manual_seed(0)
    assert torch.equal(y, other(pe.generate_position_encoding(3, 8)))


def test_moving_a_layer_frees_its_rows() -> None:
    def tables() -> int:
        return sum(type(value) is torch.Tensor and value.shape == (256, 77) for value in gc.get_objects())

    layer = pe.PositionalEncoding(77)
    layer(torch.zeros(3, 77))
    assert tables() == 1
    layer.half()
    assert tables() == 0


def test_threads_may_share_a_layer() -> None:
    layer, wrong = pe.PositionalEncoding(8), []
    tables = [(offset, pe.generate_position_encoding(1, 8, offset=offset)) for offset in range(0, 8000, 1000)]

    def ask(seed: int) -> None:
        for offset, row in random.Random(seed).choices(tables, k=1000):
            if not torch.equal(layer(torch.zeros(1, 8), offset=offset), row):
                wrong.append(offset)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(ask, range(4)))
    finally:
        sys.setswitchinterval(interval)
    assert not wrong


def test_tensors_that_stand_for_others_do_not_mix_with_real_ones() -> None:
    layer, x = pe.PositionalEncoding(8), torch.zeros(2, 3, 8)
    for _ in range(2):
        with FakeTensorMode():
            assert layer(torch.zeros(2, 3, 8)).shape == x.shape
        with FakeTensorMode(allow_non_fake_inputs=True):
            assert layer(x.half()).shape == x.shape
        assert torch.equal(layer(x)[0], pe.generate_position_encoding(3, 8))


def test_transforms_leave_no_trace() -> None:
    layer, x = pe.PositionalEncoding(8), torch.randn(3, 8)
    table = pe.generate_position_encoding(3, 8)

    def energy(x: torch.Tensor) -> torch.Tensor:
        return torch.sum(layer(x) ** 2)

    for _ in range(2):
        assert torch.allclose(torch.func.hessian(energy)(x).view(24, 24), 2 * torch.eye(24))
        assert torch.allclose(torch.func.grad(energy)(x), 2 * (x + table))
        assert torch.equal(torch.func.functionalize(layer)(x), x + table)
        assert torch.equal(torch.vmap(layer)(x.expand(2, 3, 8))[1], x + table)
        assert torch.equal(layer(x), x + table)
    positions = torch.tensor([[0, 1, 2], [7, 3, 0]])
    each = torch.vmap(lambda x, p: layer(x, positions=p))(x.expand(2, 3, 8), positions)
    assert torch.equal(each, layer(x.expand(2, 3, 8), positions=positions))


@since("2.5", "selective checkpoints")
@pytest.mark.parametrize("saved", [torch.ops.aten.add.Tensor, torch.ops.aten.mul.Tensor, torch.ops.aten.slice.Tensor])
def test_selective_checkpoints(saved: Any) -> None:
    from torch.utils.checkpoint import create_selective_checkpoint_contexts

    layer, x = pe.PositionalEncoding(512), torch.randn(2, 100, 512, requires_grad=True)
    context = functools.partial(create_selective_checkpoint_contexts, [saved])
    checkpoint(lambda x: layer(x).tanh(), x, use_reentrant=False, context_fn=context).sum().backward()
    assert x.grad is not None
    expected = 1 - (x + pe.generate_position_encoding(100, 512)).tanh().pow(2)
    assert torch.allclose(x.grad, expected.detach(), atol=1e-6)


def test_saves_nothing_and_learns_nothing() -> None:
    layer = pe.PositionalEncoding(8)
    layer(torch.zeros(3, 8))
    assert not layer.state_dict()
    assert not list(layer.parameters())
    assert not list(layer.buffers())
    layer.load_state_dict({}, strict=True)


@pytest.mark.parametrize("dtype", DTYPES)
def test_casting_the_model_rounds_once(dtype: torch.dtype) -> None:
    layer = pe.PositionalEncoding(64)
    layer(torch.zeros(300, 64))
    layer = layer.to(dtype)
    expected = pe.generate_position_encoding(300, 64, dtype=dtype)
    assert torch.equal(layer(torch.zeros(300, 64, dtype=dtype)), expected)


def test_copies_work_and_carry_no_table() -> None:
    layer = pe.PositionalEncoding(8, base=100.0, layout="sin_cos", scale=2.0)
    x = torch.randn(2, 300, 8)
    y = layer(x)
    file = io.BytesIO()
    torch.save(layer, file)
    assert len(file.getvalue()) < 4000
    assert len(pickle.dumps(layer)) < 4000
    file.seek(0)
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer)), torch.load(file, weights_only=False)):
        assert torch.equal(other(x), y)


def test_copies_of_a_compiled_layer_are_their_own() -> None:
    layer, x = pe.PositionalEncoding(8, dropout=0.5), torch.ones(30, 8)
    layer.compile(backend="eager")
    layer(x)
    for copied in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert torch.equal(copied.eval()(x), x + pe.generate_position_encoding(30, 8))


def test_meta_device() -> None:
    with torch.device("meta"):
        layer = pe.PositionalEncoding(8)
        assert layer(torch.zeros(3, 8)).is_meta
        assert layer(torch.zeros(3, 8), positions=torch.arange(3)).is_meta
    x = torch.randn(3, 8)
    assert torch.equal(layer.to_empty(device="cpu")(x), x + pe.generate_position_encoding(3, 8))


def test_gradients_and_inference_mode() -> None:
    layer = pe.PositionalEncoding(8, scale=3.0)
    with torch.inference_mode():
        layer(torch.zeros(3, 8))
    x = torch.randn(2, 3, 8, requires_grad=True)
    layer(x).sum().backward()  # type: ignore[no-untyped-call]
    assert x.grad is not None
    assert torch.equal(x.grad, torch.full_like(x, 3.0))


def test_compiles_whole_for_changing_lengths() -> None:
    layer = pe.PositionalEncoding(16)
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    for seq_len, offset in [(5, 0), (7, 0), (300, 0), (1, 300), (1, 301), (1, 302), (2000, 0)]:
        x = torch.randn(2, seq_len, 16)
        assert torch.allclose(compiled(x, offset=offset), layer(x, offset=offset), atol=1e-6)
    x = torch.randn(2, 9, 16)
    for positions in (torch.arange(18).reshape(2, 9), torch.arange(9)):
        assert torch.allclose(compiled(x, positions=positions), layer(x, positions=positions), atol=1e-6)


def operations(function: Any, *arguments: Any, **keywords: Any) -> tuple[torch.Tensor, list[str]]:
    """Return what a compiled function returns, and the operations in its graph."""
    torch.compiler.reset()
    names: list[str] = []

    def note(graph: torch.fx.GraphModule, _: Any) -> Any:
        names.extend(str(node.target) for node in graph.graph.nodes if node.op == "call_function")
        return make_boxed_func(graph.forward)

    compiled: Any = torch.compile(function, fullgraph=True, backend=aot_autograd(fw_compiler=note))
    result: torch.Tensor = compiled(*arguments, **keywords)
    return result, names


@since("2.12", "before, compiled code is told that it is exported")
@pytest.mark.parametrize("dtype", DTYPES)
def test_compiled_code_has_the_same_tables_and_works_out_no_sine(dtype: torch.dtype) -> None:
    for layout, offset in itertools.product(get_args(pe.Layout), (0, 65_000, 65_400, -5, 10**9)):
        table, names = operations(pe.generate_position_encoding, 300, 7, offset=offset, layout=layout, dtype=dtype)
        right = pe.generate_position_encoding(300, 7, offset=offset, layout=layout, dtype=dtype)
        torch.testing.assert_close(table, right, atol=5e-16, rtol=0)
        x = torch.zeros(2, 300, 7, dtype=dtype)
        y, more = operations(pe.PositionalEncoding(7, layout=layout), x, offset=offset)
        assert torch.equal(y[1], table)
        for name in (*names, *more):
            assert not any(slow in name for slow in ("sin", "cos", "pow", "exp"))
            assert "pe." not in name or not 0 <= offset <= 2**16 - 300  # so that a compiler sees all of it


@since("2.12", "before, compiled code is told that it is exported")
def test_compiled_positions_take_a_sine_and_a_cosine_for_each_pair_and_nothing_else_that_is_slow() -> None:
    x, positions = torch.zeros(2, 3, 7), torch.tensor([[0, 5, 70_000], [3, 3, 10**6]])
    _, names = operations(pe.PositionalEncoding(7), x, positions=positions)
    slow = [name for name in names if any(part in name for part in ("sin", "cos", "pow", "exp"))]
    assert slow == ["aten.sin.default", "aten.cos.default"]


def test_compiled_code_may_write_over_what_it_needs_no_more() -> None:
    """As compilers do, to save memory."""

    class Overwriting(torch.fx.Interpreter):
        def run_node(self, n: torch.fx.Node) -> Any:
            result = super().run_node(n)
            if n.op == "call_function":
                made.append(result)
            return result

    def overwrite(graph: torch.fx.GraphModule, _: Any) -> Any:
        def run(*inputs: Any) -> Any:
            results = Overwriting(graph).run(*inputs)
            copies = tuple(result.clone() for result in results)
            for tensor in made:
                tensor.fill_(math.nan if tensor.is_floating_point() else 0)
            made.clear()
            return copies

        return make_boxed_func(run)

    made: list[torch.Tensor] = []
    layer = pe.PositionalEncoding(16)
    compiled = torch.compile(layer, fullgraph=True, backend=aot_autograd(fw_compiler=overwrite))
    x, positions = torch.randn(2, 9, 16), torch.arange(18).reshape(2, 9)
    for way in ({}, {"positions": positions}) * 2:
        assert torch.allclose(compiled(x, **way), layer(x, **way), atol=1e-6)
        assert torch.equal(layer(x), x + pe.generate_position_encoding(9, 16))


@since("2.12", "before, compiled code is told that it is exported")
def test_compiled_code_looks_at_offset() -> None:
    compiled = torch.compile(pe.PositionalEncoding(16), fullgraph=True, backend="aot_eager")
    for offset in (0, 1, 2):
        compiled(torch.zeros(2, 9, 16), offset=offset)
    with pytest.raises(torch._dynamo.exc.Unsupported, match="Observed exception"):
        compiled(torch.zeros(2, 9, 16), offset=2**33)


def test_decoding_is_compiled_once_for_all_offsets() -> None:
    frames, layer = CompileCounter(), pe.PositionalEncoding(16)
    compiled = torch.compile(layer, fullgraph=True, backend=frames)
    x = torch.randn(2, 1, 16)
    for offset in range(20):
        assert torch.allclose(compiled(x, offset=offset), layer(x, offset=offset), atol=1e-6)
    assert frames.frame_count <= (2 if torch.__version__ >= "2.5" else 4)  # 0, 1, 2, and any other


def test_compiles_with_everything_open() -> None:
    x, p = torch.randn(2, 3, 16), torch.arange(3)
    for base in (1e4, 500.0, 20.0):
        layer = pe.PositionalEncoding(16, base=base)
        compiled = torch.compile(layer, fullgraph=True, dynamic=True, backend="aot_eager")
        assert torch.allclose(compiled(x), layer(x), atol=1e-6)
        rows = torch.compile(pe.encode_positions, fullgraph=True, backend="aot_eager")(p, 16, base=base)
        assert torch.allclose(rows, pe.encode_positions(p, 16, base=base), atol=1e-6)


@pytest.mark.parametrize("strict", [False, True])
def test_exports_with_a_dynamic_offset(strict: bool) -> None:
    class Continued(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoding = pe.PositionalEncoding(16)

        def forward(self, x: torch.Tensor, past: torch.Tensor) -> torch.Tensor:
            table = pe.generate_position_encoding(x.shape[1], 16)
            continued: torch.Tensor = self.encoding(x, offset=past.shape[1])
            return continued + table

    model, shapes = Continued(), {"x": {1: torch.export.Dim("new")}, "past": {1: torch.export.Dim("past")}}
    example = torch.zeros(1, 2, 16), torch.zeros(1, 5, 16)
    program = torch.export.export(model, example, dynamic_shapes=shapes, strict=strict)
    x, past = torch.randn(1, 7, 16), torch.zeros(1, 1000, 16)
    assert torch.allclose(program.module()(x, past), model(x, past), atol=1e-6)


class Continued(nn.Module):
    """Positions that are given, counted, and counted on from a length."""

    def __init__(self) -> None:
        super().__init__()
        self.encoding = pe.PositionalEncoding(16)
        self.encodings = nn.Sequential(nn.Linear(16, 16), pe.PositionalEncoding(16, scale=2.0))

    def forward(self, x: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        given = self.encoding(x, positions=positions)
        y: torch.Tensor = self.encodings(given) + self.encoding(x, offset=x.shape[1])
        return y


@pytest.mark.filterwarnings("ignore:.*torch.ao.quantization is deprecated", "ignore:.*reduce_range")
def test_torch_fx_keeps_the_layer_whole() -> None:
    from torch.ao.quantization import QConfigMapping
    from torch.ao.quantization.quantize_fx import prepare_fx

    model, x, p = Continued().eval(), torch.randn(2, 5, 16), torch.arange(5)
    other, wide = torch.randn(3, 40, 16), torch.randint(0, 90_000, (3, 40))
    for graph in (torch.fx.symbolic_trace(model), prepare_fx(copy.deepcopy(model), QConfigMapping(), (x, p))):
        assert torch.equal(graph(x, p), model(x, p))
        assert torch.equal(graph(other, wide), model(other, wide))

    class Rows(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return pe.encode_positions(x, 16)

    with pytest.raises(TypeError, match=r"x must be a torch\.Tensor, got a Proxy; .* a model that has the layer in it"):
        torch.fx.symbolic_trace(pe.PositionalEncoding(16))
    with pytest.raises(TypeError, match=r"positions must be a torch\.Tensor, got .*Proxy.*; name .* torch\.fx\.wrap"):
        torch.fx.symbolic_trace(Rows())


def test_graphs_know_no_number() -> None:
    """Neither a trace for other sizes nor a graph holds anything of the example that it was made with."""
    layer = pe.PositionalEncoding(512)
    x, p = torch.randn(1, 16, 512), torch.arange(16)[None]
    other, wide = torch.randn(4, 300, 512), torch.randint(0, 90_000, (4, 300))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own, of everything that Python decides
        trace: Any = functools.partial(torch.jit.trace, check_trace=False)
        traced, plain = trace(lambda x, p: layer(x, positions=p), (x, p)), trace(layer, (x,))
    assert torch.allclose(traced(other, wide), layer(other, positions=wide), atol=1e-6)
    assert torch.allclose(plain(other), layer(other), atol=1e-6)


@pytest.mark.parametrize(
    "strict", [False, pytest.param(True, marks=since("2.7", "Dynamo keeps a length that varies beside an offset"))]
)
def test_exports_with_offsets_in_a_tensor(strict: bool) -> None:
    class Continued(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoding = pe.PositionalEncoding(16)

        def forward(self, x: torch.Tensor, offset: torch.Tensor) -> torch.Tensor:
            return self.encoding(x, offset=offset)

    model, x, length = Continued(), torch.randn(2, 5, 16), torch.export.Dim("length")
    for offset, later in ((torch.tensor(7), torch.tensor(900)), (torch.tensor([7, 40]), torch.tensor([3, 900]))):
        shapes = {"x": {1: length}, "offset": None}
        program = torch.export.export(model, (x, offset), dynamic_shapes=shapes, strict=strict)
        other = torch.randn(2, 99, 16)
        assert torch.allclose(program.module()(other, later), model(other, later), atol=1e-6)


@pytest.mark.parametrize("strict", [False, True])
def test_exports_with_a_dynamic_length(strict: bool) -> None:
    model = nn.Sequential(nn.Linear(4, 16), pe.PositionalEncoding(16))
    length = torch.export.Dim("length")
    program = torch.export.export(model, (torch.randn(1, 5, 4),), dynamic_shapes=({1: length},), strict=strict)
    for seq_len in (2, 5, 1234):
        x = torch.randn(1, seq_len, 4)
        assert torch.allclose(program.module()(x), model(x), atol=1e-6)


@pytest.mark.parametrize(
    ("x", "keywords", "error", "message"),
    [
        (torch.zeros(2, 3, 5), {}, ValueError, r"x must have the shape \(..., seq_len, 4\), got \(2, 3, 5\)"),
        (torch.zeros(4), {}, ValueError, "x must have the shape"),
        (torch.zeros(3, 4, dtype=torch.float8_e4m3fn), {}, TypeError, "16 bits, got dtype torch.float8_e4m3fn$"),
        (torch.zeros(3, 4, dtype=torch.long), {}, TypeError, "x must hold floats"),
        (torch.zeros(3, 4, dtype=torch.complex64), {}, TypeError, "x must hold real numbers"),
        ([[1.0] * 4], {}, TypeError, "x must be a torch.Tensor"),
        (torch.zeros(3, 4), {"offset": 1.5}, TypeError, "offset must be an integer"),
        (torch.zeros(3, 4), {"offset": 2**33}, ValueError, "offset and seq_len must"),
        (torch.zeros(3, 4), {"offset": "0", "positions": torch.arange(3)}, TypeError, "offset must be an integer"),
        (torch.zeros(3, 4), {"offset": 1, "positions": torch.arange(3)}, ValueError, "offset must be 0 when"),
        (torch.zeros(3, 4), {"offset": -1, "positions": torch.arange(3)}, ValueError, "offset must be 0 when"),
        (torch.zeros(2, 3, 4), {"positions": torch.tensor([[7], [40]])}, ValueError, "is given as offset, without"),
        (torch.zeros(2, 3, 4), {"positions": torch.tensor([7, 40])}, ValueError, "count on, is given as offset$"),
        (torch.zeros(2, 3, 4), {"offset": torch.tensor([7.0, 40.0])}, TypeError, "offset must hold integers"),
        (torch.zeros(2, 3, 4), {"offset": torch.tensor([True, True])}, TypeError, "offset must hold real numbers"),
        (torch.zeros(2, 3, 4), {"offset": torch.arange(3)}, ValueError, r"the sentences of x, \(2,\); got \(3,\)"),
        (torch.zeros(3, 4), {"offset": torch.arange(3)}, ValueError, r"the sentences of x, \(\); got \(3,\)"),
        (torch.zeros(2, 3, 4), {"offset": torch.tensor([0, 2**32])}, ValueError, "offset and seq_len must keep"),
        (torch.zeros(2, 3, 4), {"offset": torch.tensor([0, 2**63 - 1])}, ValueError, "offset and seq_len must keep"),
        (torch.zeros(2, 3, 4), {"offset": torch.arange(2, device="meta")}, ValueError, "offset must hold values"),
        (torch.zeros(3, 4), {"offset": torch.tensor(0), "positions": torch.arange(3)}, ValueError, "offset must be 0"),
        (torch.zeros(3, 4), {"positions": [0, 1, 2]}, TypeError, "positions must be a torch.Tensor"),
        (torch.zeros(3, 4), {"positions": torch.arange(3, device="meta")}, ValueError, "positions must hold values"),
        (torch.zeros(3, 4), {"positions": torch.arange(4)}, ValueError, "positions must broadcast"),
        (torch.zeros(3, 4), {"positions": torch.zeros(2, 3)}, ValueError, "positions must broadcast"),
        (torch.zeros(2, 3, 4), {"positions": torch.zeros(5)}, ValueError, r"tokens of x, \(2, 3\); got \(5,\)$"),
        (torch.zeros(50, 8, 4), {"positions": torch.zeros(8, 50)}, ValueError, r"x looks like \(seq_len, batch"),
    ],
)
def test_bad_input_is_named(x: Any, keywords: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        pe.PositionalEncoding(4)(x, **keywords)


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_nested_tensors_are_named() -> None:
    for layout in (torch.strided, torch.jagged):
        with pytest.raises(TypeError, match="x must be a dense tensor, got a nested one"):
            pe.PositionalEncoding(4)(torch.nested.nested_tensor([torch.zeros(3, 4)], layout=layout))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"d_model": 0}, ValueError, "d_model must be at least 1, got 0"),
        ({"d_model": 2.0}, TypeError, "d_model must be an integer"),
        ({"base": 0}, ValueError, "base must be a finite number from"),
        ({"layout": "x"}, ValueError, "layout must be one of"),
        ({"dropout": 1.1}, ValueError, "dropout must be a finite number from 0 to 1, got 1.1"),
        ({"dropout": float("nan")}, ValueError, "dropout must be a finite number from 0 to 1, got nan"),
        ({"dropout": "0.1"}, TypeError, "dropout must be a real number"),
        ({"scale": float("inf")}, ValueError, "scale must be a finite number, got inf"),
    ],
)
def test_bad_settings_are_named(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        pe.PositionalEncoding(**{"d_model": 4} | arguments)


def test_small_bases_reach_as_far_as_float64_does() -> None:
    layer = pe.PositionalEncoding(4, base=1e-9)
    assert layer(torch.zeros(3, 4)).isfinite().all()
    with pytest.raises(ValueError, match="keep positions within"):
        layer(torch.zeros(30, 4))


def test_repr_says_what_it_is() -> None:
    assert "8, base=10000.0, layout='interleaved', scale=1.0" in repr(pe.PositionalEncoding(8))
