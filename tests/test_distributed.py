"""Sequence parallelism: each process computes the rows of its own tokens, and nothing is sent."""

import os
import sys
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.multiprocessing.spawn import spawn

import pe
from tests.conftest import since

SEQ_LEN, D_MODEL = 1200, 96


def whole() -> torch.Tensor:
    return torch.randn(2, SEQ_LEN, D_MODEL, generator=torch.Generator().manual_seed(0))


def forward_of_one_rank(rank: int, world_size: int, folder: str) -> None:
    from torch.distributed.tensor import Shard, distribute_tensor

    loopback = "lo0" if sys.platform == "darwin" else "lo"
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "0", "GLOO_SOCKET_IFNAME": loopback}
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=world_size)
    layer = pe.PositionalEncoding(D_MODEL, scale=D_MODEL**0.5)
    mesh = init_device_mesh("cpu", (world_size,))
    mine = distribute_tensor(whole(), mesh, [Shard(1)]).to_local()
    shard = layer(mine, offset=rank * mine.shape[1])
    torch.save(shard, Path(folder, f"{rank}.pt"))
    dist.destroy_process_group()


@since("2.5", "torch.distributed.tensor is not public before")
@pytest.mark.parametrize("world_size", [2, 4])
def test_shards_are_the_whole_bit_for_bit(world_size: int, tmp_path: Path) -> None:
    spawn(forward_of_one_rank, (world_size, str(tmp_path)), world_size)
    shards = [torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(world_size)]
    layer: nn.Module = pe.PositionalEncoding(D_MODEL, scale=D_MODEL**0.5)
    assert torch.equal(torch.cat(shards, dim=1), layer(whole()))
