"""Time, memory and error on a GPU, for the Speed page; does nothing where there is none.

A time is that on the GPU, with the caches emptied before each call. "In a row" is what a call takes among others like
it, which is longer where Python cannot call as fast as the GPU computes. Both are medians, of which the least is taken:
the machine that calls is often shared.
"""

import json
import platform
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.benchmark import Timer

import pe
from docs.figures.article import generate_position_encoding as article
from pe import _core

SAVED = Path(__file__).parents[2] / "docs/figures/gpu.json"
SIZES = [(16, 512), (512, 512), (2048, 512), (2048, 4096), (32768, 1024), (131072, 1024)]
DEVICE = torch.device("cuda")

OURS, MEMORY = "this package", "writing memory"


def ours(seq_len: int, d_model: int) -> Tensor:
    return pe.generate_position_encoding(seq_len, d_model, device=DEVICE)


def sines_first(seq_len: int, d_model: int) -> Tensor:
    return pe.generate_position_encoding(seq_len, d_model, device=DEVICE, layout="sin_cos")


def bfloat16(seq_len: int, d_model: int) -> Tensor:
    return pe.generate_position_encoding(seq_len, d_model, device=DEVICE, dtype=torch.bfloat16)


def usual(seq_len: int, d_model: int) -> Tensor:
    return article(seq_len, d_model, DEVICE)


def usual_bfloat16(seq_len: int, d_model: int) -> Tensor:
    return usual(seq_len, d_model).to(torch.bfloat16)


def float64(seq_len: int, d_model: int) -> Tensor:
    """Return the table of the formula in float64, rounded."""
    frequency = 10_000 ** (-torch.arange(0, d_model, 2, device=DEVICE, dtype=torch.float64) / d_model)
    angle = torch.arange(seq_len, device=DEVICE, dtype=torch.float64)[:, None] * frequency
    table = torch.empty(seq_len, d_model, device=DEVICE)
    table[:, 0::2], table[:, 1::2] = angle.sin(), angle.cos()
    return table


def fill(seq_len: int, d_model: int) -> Tensor:
    return torch.empty(seq_len, d_model, device=DEVICE).fill_(1.0)


def times(calls: Mapping[str, Callable[[], Tensor]]) -> dict[str, dict[str, float]]:
    """Return what each call takes, in seconds."""
    do_bench = import_module("triton.testing").do_bench  # comes with torch for GPUs

    rows = {}
    for name, call in calls.items():
        call()
        timer = Timer("call()", globals={"call": call}, num_threads=torch.get_num_threads())
        rows[name] = {
            "seconds": min(1e-3 * do_bench(call, warmup=5, rep=20, return_mode="median") for _ in range(5)),
            "in a row": min(timer.blocked_autorange(min_run_time=0.05).median for _ in range(3)),
        }
    return rows


def build(seq_len: int, d_model: int, compiled: Mapping[str, Callable[[int, int], Tensor]]) -> dict[str, Any]:
    """Measure the ways to build a table of this size."""
    builders: dict[str, Callable[[int, int], Tensor]] = {
        OURS: ours,
        "the usual function": usual,
        "in float64": float64,
        MEMORY: fill,
        **compiled,
        f"{OURS}, sines first": sines_first,
        f"{OURS}, bfloat16": bfloat16,
        "the usual function, bfloat16": usual_bfloat16,
    }
    rows = times({name: partial(builder, seq_len, d_model) for name, builder in builders.items()})
    exact = pe.generate_position_encoding(seq_len, d_model, dtype=torch.float64)
    for name, builder in builders.items():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        table = builder(seq_len, d_model)
        rows[name]["memory"] = torch.cuda.max_memory_allocated() - before - table.nbytes
        if builder is sines_first:
            table = table.unflatten(1, (2, -1)).mT.flatten(1)
        if builder is not fill:
            rows[name]["error"] = (table.cpu().double() - exact).abs().max().item()
    return rows


def forward(seq_len: int, dtype: torch.dtype) -> dict[str, dict[str, float]]:
    """Measure adding the encoding to a batch, and adding rows that are looked up."""
    torch.compiler.reset()
    d_model = 1024
    table = pe.generate_position_encoding(4096, d_model, dtype=dtype, device=DEVICE)
    x = torch.randn(8, seq_len, d_model, dtype=dtype, device=DEVICE)
    p = torch.arange(77, 77 + seq_len, device=DEVICE).expand(8, -1)

    def layer() -> nn.Module:
        return pe.PositionalEncoding(d_model).eval()

    def add(x: Tensor) -> Tensor:
        return x + table[77 : 77 + x.shape[1]]

    def look_up(x: Tensor, p: Tensor) -> Tensor:
        return x + table[p]

    return times(
        {
            "x + table[:L]": partial(add, x),
            OURS: partial(layer(), x, offset=77),
            "x + table[p]": partial(look_up, x, p),
            f"{OURS}, positions": partial(layer(), x, positions=p),
            "x + table[:L], compiled": partial(torch.compile(add), x),
            f"{OURS}, compiled": partial(torch.compile(layer()), x, offset=77),
            "x + table[p], compiled": partial(torch.compile(look_up), x, p),
            f"{OURS}, positions, compiled": partial(torch.compile(layer()), x, positions=p),
        }
    )


def show(title: str, rows: Mapping[str, Mapping[str, float]], against: str) -> None:
    """Print what was measured."""
    print(f"\n{title:30}{'ms':>10}{'in a row':>10}{'times':>8}{'error':>10}{'MB more':>10}")
    for name, row in rows.items():
        error = f"{row['error']:.1e}" if "error" in row else ""
        more = f"{row['memory'] / 1e6:.1f}" if "memory" in row else ""
        ratio = row["seconds"] / rows[against]["seconds"]
        print(
            f"{name:30}{row['seconds'] * 1e3:10.4f}{row['in a row'] * 1e3:10.4f}{ratio:8.2f}{error:>10}{more:>10}",
            flush=True,
        )


def main() -> None:
    """Measure everything, print and save it."""
    if not torch.cuda.is_available():
        print("no GPU here")
        return
    if torch.__version__ < "2.12":
        # There a program cannot tell that it is compiled, not exported. What is measured is what newer ones do.
        _core.is_exporting = torch.jit.is_tracing  # type: ignore[attr-defined]
    results: dict[str, Any] = {
        "machine": {"gpu": torch.cuda.get_device_name(), "system": platform.system(), "torch": torch.__version__},
        "build": [],
        "forward": {},
    }
    compiled = {
        f"{OURS}, compiled": torch.compile(ours),
        "the usual function, compiled": torch.compile(usual),
    }
    for seq_len, d_model in SIZES:
        rows = build(seq_len, d_model, compiled)
        show(f"{seq_len} × {d_model}", rows, "the usual function")
        results["build"].append({"seq_len": seq_len, "d_model": d_model, "rows": rows})
    for dtype in (torch.float32, torch.bfloat16):
        for seq_len in (2048, 1):
            rows = forward(seq_len, dtype)
            name = f"8 × {seq_len} × 1024, {str(dtype).removeprefix('torch.')}"
            show(name, rows, "x + table[:L]")
            results["forward"][name] = rows
    SAVED.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
