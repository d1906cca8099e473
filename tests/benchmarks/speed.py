"""Time, memory and error of building and adding the table, against other implementations.

`make bench` prints what it measures and saves it for the Speed page. Rounds are interleaved, so that all see the same
machine; times are medians.
"""

import json
import math
import os
import platform
import random
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import pe
from docs.figures.article import generate_position_encoding as article
from pe import _tables

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of libraries, on import
    from tests import libraries

SAVED = Path(__file__).parents[2] / "docs/figures/speed.json"
SIZES = [(1, 8), (16, 512), (128, 64), (512, 512), (2048, 512), (32768, 1024), (131072, 1024)]
LENGTHS, WIDTHS = [2**k for k in range(4, 18)], [2**k for k in range(3, 13)]
SECONDS = 6.0  # for all builders at a size, roughly

OURS, MEMORY = "this package", "writing memory"


def fill(seq_len: int, d_model: int) -> Tensor:
    return torch.empty(seq_len, d_model).fill_(1.0)


def numpy_float64(seq_len: int, d_model: int) -> Tensor:
    angles = np.arange(seq_len)[:, None] / 10_000 ** (np.arange(0, d_model, 2) / d_model)
    table = np.empty((seq_len, d_model), dtype=np.float32)
    table[:, 0::2], table[:, 1::2] = np.sin(angles), np.cos(angles)
    return torch.from_numpy(table)


def timesteps(seq_len: int, d_model: int) -> Tensor:
    return libraries.diffusers_timesteps(torch.arange(seq_len), d_model)


def scaled(seq_len: int, d_model: int) -> Tensor:
    return libraries.x_transformers(seq_len, d_model) * d_model**0.5


# Each with the layout it makes and whether it spaces the frequencies as tensor2tensor does.
BUILDERS: dict[str, tuple[Callable[[int, int], Tensor], str, bool]] = {
    OURS: (pe.generate_position_encoding, "interleaved", False),
    "the usual function": (article, "interleaved", False),
    "numpy in float64": (numpy_float64, "interleaved", False),
    "diffusers, positional": (libraries.diffusers_positional, "interleaved", False),
    "diffusers, timesteps": (timesteps, "sin_cos", True),
    "positional-encodings": (libraries.positional_encodings, "interleaved", False),
    "timm": (libraries.timm_1d, "sin_cos", False),
    "transformers, M2M100": (libraries.m2m100, "sin_cos", True),
    "transformers, Marian": (libraries.marian, "sin_cos", False),
    "transformers, Whisper": (libraries.whisper, "sin_cos", True),
    "x-transformers": (scaled, "sin_cos", False),
}


def medians(calls: Mapping[str, Callable[[], Tensor]], seconds: float = SECONDS) -> dict[str, float]:
    """Return the median time of each call, in seconds, over interleaved rounds."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    names, shuffle = list(calls), random.Random(0).shuffle
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times[names[0]]) < 5:
        shuffle(names)  # what ran before leaves the caches warm or cold
        for name in names:
            start = time.perf_counter()
            result = calls[name]()
            times[name].append(time.perf_counter() - start)
            del result
    # The first round warms up.
    return {name: statistics.median(values[1:]) for name, values in times.items()}


def errors(table: Tensor, layout: Any, t2t: bool) -> float:
    """Return the largest difference from the float64 table, computed a few rows at a time."""
    seq_len, d_model = table.shape
    base = 10_000 ** (d_model / (d_model - 2)) if t2t else 10_000
    exact = (
        pe.generate_position_encoding(
            min(4096, seq_len - first), d_model, offset=first, layout=layout, base=base, dtype=torch.float64
        )
        for first in range(0, seq_len, 4096)
    )
    parts = zip(table.split(4096), exact, strict=True)
    return max((part.double() - truth).abs().max().item() for part, truth in parts)


def fits(name: str, seq_len: int, d_model: int) -> bool:
    """Return whether it takes less than minutes: one library builds its table in a Python loop."""
    return name != "transformers, Marian" or seq_len * d_model <= 2**18


def build(seq_len: int, d_model: int) -> dict[str, dict[str, float]]:
    """Measure every way to build a table of this size."""
    out = torch.empty(seq_len, d_model)
    names = [name for name in BUILDERS if fits(name, seq_len, d_model)]
    calls = {name: partial(BUILDERS[name][0], seq_len, d_model) for name in names}
    calls[f"{OURS}, out="] = partial(pe.generate_position_encoding, seq_len, d_model, out=out)
    calls[MEMORY] = partial(fill, seq_len, d_model)
    calls[f"{MEMORY}, in place"] = partial(out.fill_, 1.0)
    # Python loops and double memory leave the caches cold for whoever comes next, so these take turns of their own.
    slow: dict[str, Callable[[], Tensor]] = {}
    if seq_len * d_model >= 2**12:
        slow = {name: calls.pop(name) for name in ("transformers, Marian", "numpy in float64") if name in calls}
    times = medians(calls) | (medians(slow, SECONDS / 6) if slow else {})
    result = {name: {"seconds": seconds} for name, seconds in times.items()}
    for name in names:
        function, layout, t2t = BUILDERS[name]
        result[name]["error"] = errors(function(seq_len, d_model), layout, t2t)
    return result


def growth(sizes: Iterable[tuple[int, int]]) -> list[dict[str, float]]:
    """Measure how the time grows, for this package, the usual function and the limit."""
    rows = []
    for seq_len, d_model in sizes:
        calls = {
            OURS: partial(pe.generate_position_encoding, seq_len, d_model),
            "the usual function": partial(article, seq_len, d_model),
            MEMORY: partial(fill, seq_len, d_model),
        }
        rows.append({"seq_len": seq_len, "d_model": d_model, **medians(calls, 1.0)})
    return rows


def forward() -> dict[str, dict[str, float]]:
    """Measure adding the encoding to embeddings: a whole batch, and one token while decoding."""
    d_model = 1024
    table = pe.generate_position_encoding(4096, d_model)
    layer, scaling = (
        pe.PositionalEncoding(d_model).eval(),
        pe.PositionalEncoding(d_model, scale=math.sqrt(d_model)).eval(),
    )
    layer(torch.zeros(4096, d_model)), scaling(torch.zeros(4096, d_model))
    x, token = torch.randn(8, 2048, d_model), torch.randn(8, 1, d_model)
    whole = {
        "x + table[:L]": lambda: x + table[:2048],
        OURS: lambda: layer(x),
        "x * √d + table[:L]": lambda: x * math.sqrt(d_model) + table[:2048],
        f"{OURS}, scaled": lambda: scaling(x),
    }
    one = {
        "x + table[p : p + 1]": lambda: token + table[77:78],
        OURS: lambda: layer(token, offset=77),
        f"{OURS}, scaled": lambda: scaling(token, offset=77),
    }
    ids, last = torch.arange(2048).expand(8, -1), torch.arange(70, 78)[:, None]
    looked_up: dict[str, Callable[[], Tensor]] = {
        "x + table[p]": lambda: x + table[ids],
        OURS: lambda: layer(x, positions=ids),
    }
    one_each: dict[str, Callable[[], Tensor]] = {
        "x + table[p]": lambda: token + table[last],
        OURS: lambda: layer(token, positions=last),
    }

    def add(x: Tensor) -> Tensor:
        return x + table[77 : 77 + x.shape[1]]

    def look_up(x: Tensor, p: Tensor) -> Tensor:
        return x + table[p]

    compiled: list[dict[str, Callable[[], Tensor]]] = [  # each for its own size
        {
            "x + table[:L]": partial(torch.compile(add), x),
            OURS: partial(torch.compile(pe.PositionalEncoding(d_model).eval()), x, offset=77),
            "x + table[p]": partial(torch.compile(look_up), x, p),
            f"{OURS}, positions": partial(torch.compile(pe.PositionalEncoding(d_model).eval()), x, positions=p),
        }
        for x, p in ((x, ids), (token, last))
    ]
    return {
        "8 × 2048 × 1024": medians(whole),
        "8 × 1 × 1024": medians(one, 2.0),
        "8 × 2048 × 1024, positions": medians(looked_up),
        "8 × 1 × 1024, positions": medians(one_each, 2.0),
        "8 × 2048 × 1024, compiled": medians(compiled[0]),
        "8 × 1 × 1024, compiled": medians(compiled[1], 2.0),
    }


def beside_another_program() -> dict[str, dict[str, float]]:
    """Measure a large table on an idle machine, and while another program keeps one core busy."""
    seq_len, d_model = 32_768, 1024

    def one_thread() -> Tensor:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        table = pe.generate_position_encoding(seq_len, d_model)
        torch.set_num_threads(threads)
        return table

    calls: dict[str, Callable[[], Tensor]] = {
        OURS: partial(pe.generate_position_encoding, seq_len, d_model),
        f"{OURS}, one thread": one_thread,
        "the usual function": partial(article, seq_len, d_model),
        MEMORY: partial(fill, seq_len, d_model),
    }
    idle = medians(calls)
    other = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        busy = medians(calls)
    finally:
        other.kill()
        other.wait()
    return {name: {"idle": idle[name], "busy": busy[name]} for name in calls}


def memory(name: str, seq_len: int, d_model: int) -> float | None:
    """Return the bytes needed at most beyond the table itself, in a process of its own; Linux only."""
    if not Path("/proc/self/clear_refs").exists():
        return None
    command = [sys.executable, "-W", "ignore", "-m", __spec__.name, name, str(seq_len), str(d_model)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def peak(name: str, seq_len: int, d_model: int) -> int:
    """Return the bytes that building takes at most beyond the table, in this process."""

    def status(field: str) -> int:
        line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(field))
        return int(line.split()[1]) * 1024

    function = BUILDERS[name][0]
    function(300, d_model)
    before = status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    table = function(seq_len, d_model)
    return status("VmHWM") - before - table.numel() * table.element_size()


def first(d_model: int) -> float:
    """Return the seconds that the first table of a width takes, here of one row."""
    times = []
    for _ in range(30):
        _tables._kept_on.cache_clear()
        start = time.perf_counter()
        pe.generate_position_encoding(1, d_model)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def machine() -> dict[str, Any]:
    """Name the machine, as far as it says."""
    model = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), model)
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "vectors": torch.backends.cpu.get_cpu_capability(),
        "system": platform.system(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def main() -> None:
    """Measure everything, print and save it."""
    results: dict[str, Any] = {"machine": machine(), "build": []}
    for seq_len, d_model in SIZES:
        rows = build(seq_len, d_model)
        if seq_len >= 2048:
            for name in BUILDERS:
                if name in rows:
                    rows[name]["memory"] = memory(name, seq_len, d_model) or math.nan
        results["build"].append({"seq_len": seq_len, "d_model": d_model, "rows": rows})
        reference = rows["the usual function"]["seconds"]
        print(f"\n{seq_len} × {d_model}\n{'':28}{'ms':>10}{'times':>8}{'error':>10}{'MB more':>10}")
        for name, row in sorted(rows.items(), key=lambda item: item[1]["seconds"]):
            error = f"{row['error']:.1e}" if "error" in row else ""
            more = f"{row['memory'] / 1e6:.1f}" if "memory" in row else ""
            print(
                f"{name:28}{row['seconds'] * 1e3:10.3f}{reference / row['seconds']:8.2f}{error:>10}{more:>10}",
                flush=True,
            )
    results["length"] = growth((seq_len, 512) for seq_len in LENGTHS)
    results["width"] = growth((4096, d_model) for d_model in WIDTHS)
    results["first"] = {str(d_model): first(d_model) for d_model in (64, 512, 1024)}
    print("\nfirst table of a width:", {d_model: f"{1e3 * time:.1f} ms" for d_model, time in results["first"].items()})
    results["forward"] = forward()
    for shape, rows in results["forward"].items():
        print(f"\nforward, {shape}")
        for name, seconds in rows.items():
            print(f"{name:28}{seconds * 1e3:10.4f}{seconds / next(iter(rows.values())):8.2f}")
    results["busy"] = beside_another_program()
    print(f"\n{'32768 × 1024, milliseconds':28}{'idle':>10}{'busy':>10}")
    for name, row in results["busy"].items():
        print(f"{name:28}{1e3 * row['idle']:10.1f}{1e3 * row['busy']:10.1f}")
    SAVED.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(peak(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
    else:
        main()
