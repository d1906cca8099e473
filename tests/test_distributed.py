"""Several devices: each process computes the rows of its own tokens, and nothing is sent."""

import copy
import itertools
import os
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.multiprocessing.spawn import spawn

import pe
from tests.conftest import since

pytestmark = since("2.5", "torch.distributed.tensor is not public before")

BATCH, SEQ_LEN, D_MODEL, WORDS = 4, 1203, 96, 50


def whole(*shape: int) -> Tensor:
    return torch.randn(*(shape or (BATCH, SEQ_LEN, D_MODEL)), generator=torch.Generator().manual_seed(0))


def own_offsets(rank: int, mesh: DeviceMesh) -> None:
    """A plain tensor, whose tokens count on from an offset."""
    layer, x = pe.PositionalEncoding(D_MODEL, scale=D_MODEL**0.5), whole()
    mine = x.chunk(mesh.size(), dim=1)[rank]
    first = rank * -(-SEQ_LEN // mesh.size())
    assert torch.equal(layer(mine, offset=first), layer(x)[:, first : first + mine.shape[1]])


def dtensors(_: int, mesh: DeviceMesh) -> None:
    """A DTensor, split along any axis or none, and over two axes of devices; positions of all kinds."""
    from torch.distributed.tensor import DTensor, Replicate, Shard, distribute_tensor
    from torch.distributed.tensor.debug import CommDebugMode

    layer: Any = pe.PositionalEncoding(D_MODEL, scale=D_MODEL**0.5)
    x = whole()
    integers = torch.randint(0, 1500, (BATCH, SEQ_LEN), generator=torch.Generator().manual_seed(1))
    ways: list[dict[str, Any]] = [
        {},
        {"offset": 7},
        {"offset": torch.tensor([3, 900, 17, 0])},
        {"positions": integers},
        {"positions": integers[0]},
        {"positions": integers / 4},
    ]
    one = [Replicate(), Shard(0), Shard(1), Shard(2)]
    placed: list[tuple[DeviceMesh, list[Any]]] = [(mesh, [placement]) for placement in one]
    if mesh.size() == 4:
        square = init_device_mesh("cpu", (2, 2))
        placed += [(square, list(two)) for two in itertools.product(one, one) if two[0] != two[1]]
        placed += [(square, [Shard(1), Shard(1)])]

    for (on, placements), way in itertools.product(placed, ways):
        whole_y = layer(x, **way)
        split_x = distribute_tensor(x, on, placements)

        def split(name: str, value: Tensor, on: DeviceMesh = on, placements: list[Any] = placements) -> DTensor:
            ahead = (x.ndim - 1 if name == "positions" else x.ndim - 2) - value.ndim
            fits = [p.is_shard() and 0 <= p.dim - ahead < value.ndim for p in placements]
            along = [Shard(p.dim - ahead) if fit else Replicate() for p, fit in zip(placements, fits, strict=True)]
            return distribute_tensor(value, on, along)

        tensors = {name: split(name, value) for name, value in way.items() if isinstance(value, Tensor)}
        for given in (way, way | tensors):
            with CommDebugMode() as sent:
                y = layer(split_x, **given)
            assert sent.get_total_counts() == 0, (placements, given)
            assert list(y.placements) == placements
            assert torch.equal(y.full_tensor(), whole_y), (placements, given)


def more_dtensors(_: int, mesh: DeviceMesh) -> None:
    """Gradients, compiled code, sums that are still to be made, positions that lie elsewhere, and errors."""
    from torch.distributed.tensor import DTensor, Partial, Replicate, Shard, distribute_tensor

    layer: Any = pe.PositionalEncoding(D_MODEL, scale=3.0)
    x = whole(BATCH, 31, D_MODEL)
    for placement in (Replicate(), Shard(0), Shard(1), Shard(2)):
        split_x: Any = distribute_tensor(x, mesh, [placement]).requires_grad_()
        places = torch.arange(31.0).requires_grad_()
        split_places: Any = distribute_tensor(places.detach(), mesh, [Replicate()]).requires_grad_()
        for given, asked in ((x, places), (split_x, split_places)):
            (layer(given, positions=asked) ** 2).sum().backward()
        expected = 6 * layer(x, positions=places).detach()
        assert torch.allclose(split_x.grad.full_tensor(), expected, atol=1e-4)
        assert torch.allclose(split_places.grad.full_tensor(), places.grad, atol=1e-2)  # type: ignore[arg-type]

        compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
        for way in ({}, {"offset": 7}, {"positions": torch.arange(5, 36)}):
            torch.compiler.reset()
            assert torch.allclose(compiled(split_x, **way).full_tensor(), layer(x, **way), atol=1e-5)

    terms = layer(DTensor.from_local(x, mesh, [Partial()]))
    assert torch.allclose(terms.full_tensor(), layer(mesh.size() * x), atol=1e-4)
    split_x = distribute_tensor(x, mesh, [Shard(1)])
    elsewhere = distribute_tensor(torch.arange(31).expand(BATCH, 31), mesh, [Shard(0)])
    y = layer(split_x, positions=elsewhere)
    assert torch.equal(y.full_tensor(), layer(x))
    with pytest.raises(ValueError, match=r"tokens of x, \(4, 31\); got \(16,\)"):
        layer(split_x, positions=torch.arange(16))


def sequence_parallel(_: int, mesh: DeviceMesh) -> None:
    """A plan of tensor parallelism, in which the layer is split along the sequence."""
    from torch.distributed.tensor import Replicate, Shard
    from torch.distributed.tensor.debug import CommDebugMode
    from torch.distributed.tensor.parallel import RowwiseParallel, SequenceParallel, parallelize_module

    torch.manual_seed(0)
    model = nn.Sequential(nn.Embedding(WORDS, D_MODEL), pe.PositionalEncoding(D_MODEL), nn.LayerNorm(D_MODEL))
    words = torch.randint(0, WORDS, (BATCH, 64))
    expected = model(words)
    plan = {
        "0": RowwiseParallel(input_layouts=Replicate(), output_layouts=Shard(1)),
        "1": SequenceParallel(),
        "2": SequenceParallel(),
    }
    parallel: Any = parallelize_module(model, mesh, plan)
    assert torch.equal(parallel(words).full_tensor(), expected)
    with CommDebugMode() as sent:
        parallel[1:](parallel[0](words))
        in_all = sent.get_total_counts()
    with CommDebugMode() as sent:
        parallel[0](words)
    assert in_all == sent.get_total_counts()  # only the embedding sends


def context_parallel(rank: int, mesh: DeviceMesh) -> None:
    """Parts in an order that gives each device as much to do as the others: positions go with the tokens."""
    from torch.distributed.tensor.experimental import context_parallel

    layer, x = pe.PositionalEncoding(D_MODEL), whole(BATCH, 16 * mesh.size(), D_MODEL)
    expected, positions, table = layer(x), torch.arange(x.shape[1]), pe.generate_position_encoding(x.shape[1], D_MODEL)
    with context_parallel(mesh, buffers=[x, positions, table], buffer_seq_dims=[1, 0, 0]):
        own = expected[:, positions]
        assert own.shape[1] == 16
        assert torch.equal(layer(x, positions=positions), own)
        assert torch.equal(x + table, own)
        assert not torch.equal(layer(x, offset=16 * rank), own)


def data_parallel(rank: int, mesh: DeviceMesh) -> None:
    """Sentences split between devices, and parameters too."""
    from torch.distributed.fsdp import fully_shard
    from torch.nn.parallel import DistributedDataParallel

    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, D_MODEL), pe.PositionalEncoding(D_MODEL), nn.Linear(D_MODEL, 3))
    x = whole(2 * mesh.size(), 30, 8)
    expected = model(x)
    expected.square().mean().backward()
    gradient: Any = next(model.parameters()).grad
    sharded = copy.deepcopy(model)
    for layer in (*sharded, sharded):
        fully_shard(layer, mesh=mesh)
    for parallel in (sharded, DistributedDataParallel(copy.deepcopy(model))):
        parallel.zero_grad()
        y = parallel(x.chunk(mesh.size())[rank])
        assert torch.equal(y, expected.chunk(mesh.size())[rank])
        y.square().mean().backward()
        own: Any = next(parallel.parameters()).grad
        assert torch.allclose(own.full_tensor() if parallel is sharded else own, gradient, atol=1e-6)


def pipeline(rank: int, mesh: DeviceMesh) -> None:
    """Layers split between devices, of which the first adds positions."""
    from torch.distributed.pipelining import PipelineStage, ScheduleGPipe

    torch.manual_seed(0)
    stages = [nn.Linear(D_MODEL, D_MODEL) for _ in range(mesh.size())]
    stages[0] = nn.Sequential(pe.PositionalEncoding(D_MODEL), stages[0])  # type: ignore[call-overload]
    x = whole(4, 30, D_MODEL)
    stage = PipelineStage(stages[rank], rank, mesh.size(), torch.device("cpu"))
    schedule = ScheduleGPipe(stage, n_microbatches=4)
    y = schedule.step(x) if rank == 0 else schedule.step()
    if rank == mesh.size() - 1:
        assert torch.equal(y, nn.Sequential(*stages)(x))


def checks_of_one_rank(rank: int, world_size: int, folder: str) -> None:
    torch.set_num_threads(1)
    loopback = "lo0" if sys.platform == "darwin" else "lo"
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "0", "GLOO_SOCKET_IFNAME": loopback}
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=world_size)
    mesh = init_device_mesh("cpu", (world_size,))
    checks = [own_offsets, dtensors, more_dtensors, sequence_parallel]
    if not torch.__version__.startswith("2.9"):  # where even a pipeline of linear layers stops on a CPU
        checks.append(pipeline)
    if torch.__version__ >= "2.6":  # has what these need
        checks += [context_parallel, data_parallel]
    for check in checks:
        check(rank, mesh)
    dist.destroy_process_group()


@pytest.mark.parametrize("world_size", [2, 4])
def test_together_they_are_the_whole_bit_for_bit(world_size: int, tmp_path: Path) -> None:
    spawn(checks_of_one_rank, (world_size, str(tmp_path)), world_size)
