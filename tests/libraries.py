"""The tables of other libraries, as these make them."""

import numpy as np
import torch
from torch import Tensor


def _import_torchvision() -> None:
    """Make torchvision importable, which two of the libraries want but no table uses.

    Its wheel may be made for another build of torch than the one installed; then its operators are missing, and
    naming two of them is all it takes.
    """
    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        global _operators  # noqa: PLW0603  # lives as long as the operators shall
        _operators = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            _operators.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")


_operators: torch.library.Library
_import_torchvision()

import diffusers.models.embeddings as diffusers  # noqa: E402
import positional_encodings.torch_encodings as pos_enc  # noqa: E402
from timm.layers import pos_embed_sincos  # noqa: E402
from transformers.models.detr import modeling_detr  # noqa: E402
from transformers.models.m2m_100 import modeling_m2m_100  # noqa: E402
from transformers.models.marian import modeling_marian  # noqa: E402
from transformers.models.musicgen import modeling_musicgen  # noqa: E402
from transformers.models.speecht5 import modeling_speecht5  # noqa: E402
from transformers.models.vit_mae import modeling_vit_mae  # noqa: E402
from transformers.models.wav2vec2_conformer import modeling_wav2vec2_conformer  # noqa: E402
from transformers.models.whisper import modeling_whisper  # noqa: E402
from transformers.models.xlnet import modeling_xlnet  # noqa: E402
from x_transformers.x_transformers import ScaledSinusoidalEmbedding  # noqa: E402

__all__ = [  # their layers, for tests that run them as they are
    "ScaledSinusoidalEmbedding",
    "diffusers",
    "modeling_m2m_100",
    "modeling_marian",
    "modeling_musicgen",
    "modeling_speecht5",
    "pos_enc",
]


def whisper(seq_len: int, d_model: int) -> Tensor:
    return modeling_whisper.sinusoids(seq_len, d_model)


def marian_fresh(seq_len: int, d_model: int) -> Tensor:
    return modeling_marian.MarianSinusoidalPositionalEmbedding(seq_len, d_model).weight.detach()


def marian(seq_len: int, d_model: int) -> Tensor:
    return modeling_marian.MarianSinusoidalPositionalEmbedding(seq_len, d_model).create_weight()


def m2m100(seq_len: int, d_model: int) -> Tensor:
    return modeling_m2m_100.M2M100SinusoidalPositionalEmbedding.get_embedding(seq_len, d_model)


def m2m100_padded(ids: Tensor, d_model: int, padding_idx: int) -> Tensor:
    layer = modeling_m2m_100.M2M100SinusoidalPositionalEmbedding(ids.shape[1], d_model, padding_idx)
    return layer(ids)


def speecht5(seq_len: int, d_model: int) -> Tensor:
    layer = modeling_speecht5.SpeechT5ScaledPositionalEncoding(0.0, d_model, seq_len)
    return layer(torch.zeros(1, seq_len, d_model))[0].detach()


def musicgen(seq_len: int, d_model: int) -> Tensor:
    return modeling_musicgen.MusicgenSinusoidalPositionalEmbedding.get_embedding(seq_len, d_model)


def vit_mae(size: int, d_model: int) -> Tensor:
    config = modeling_vit_mae.ViTMAEConfig(hidden_size=d_model, image_size=16 * size)
    layer = modeling_vit_mae.ViTMAEEmbeddings(config)
    layer.initialize_weights()
    return layer.position_embeddings.detach()[0, 1:]  # the first row is that of the class token


def vit_mae_row_first(height: int, width: int, d_model: int) -> Tensor:
    return modeling_vit_mae.build_2d_sinusoidal_position_embedding(height, width, d_model)


def detr(height: int, width: int, d_model: int) -> Tensor:
    layer = modeling_detr.DetrSinePositionEmbedding(d_model // 2, normalize=True)
    return layer(torch.Size([1, 3, height, width]), "cpu", torch.float32)[0].flatten(1).T


def detr_padded(real: Tensor, d_model: int) -> Tensor:
    layer = modeling_detr.DetrSinePositionEmbedding(d_model // 2, normalize=True)
    batch, height, width = real.shape
    return layer(torch.Size([batch, 3, height, width]), "cpu", torch.float32, real)


def conformer(seq_len: int, d_model: int) -> Tensor:
    config = modeling_wav2vec2_conformer.Wav2Vec2ConformerConfig(hidden_size=d_model)
    return modeling_wav2vec2_conformer.Wav2Vec2ConformerRelPositionalEmbedding(config)(
        torch.zeros(1, seq_len, d_model)
    )[0]


def xlnet(positions: Tensor, d_model: int) -> Tensor:
    inverse = 1 / 10000 ** (torch.arange(0, d_model, 2) / d_model)
    return modeling_xlnet.XLNetModel.positional_embedding(positions, inverse)[:, 0]


def diffusers_timesteps(timesteps: Tensor, d_model: int, **options: float) -> Tensor:
    return diffusers.get_timestep_embedding(timesteps, d_model, **options)


def diffusers_positional(seq_len: int, d_model: int) -> Tensor:
    layer = diffusers.SinusoidalPositionalEmbedding(d_model, seq_len)
    return layer(torch.zeros(1, seq_len, d_model))[0]


def timm(height: int, width: int, d_model: int) -> Tensor:
    return pos_embed_sincos.build_sincos2d_pos_embed([height, width], d_model)


def timm_1d(seq_len: int, d_model: int) -> Tensor:
    return pos_embed_sincos.build_sincos2d_pos_embed([seq_len], 2 * d_model)


def positional_encodings(seq_len: int, d_model: int) -> Tensor:
    return pos_enc.PositionalEncoding1D(d_model)(torch.zeros(1, seq_len, d_model))[0]


def positional_encodings_2d(height: int, width: int, d_model: int) -> Tensor:
    return pos_enc.PositionalEncoding2D(d_model)(torch.zeros(1, height, width, d_model))[0].flatten(0, 1)


def positional_encodings_3d(frames: int, height: int, width: int, d_model: int) -> Tensor:
    return pos_enc.PositionalEncoding3D(d_model)(torch.zeros(1, frames, height, width, d_model))[0].flatten(0, 2)


def x_transformers(seq_len: int, d_model: int) -> Tensor:
    return ScaledSinusoidalEmbedding(d_model)(torch.zeros(1, seq_len, 1)).detach()


def mlx(seq_len: int, d_model: int) -> Tensor:
    import mlx.core
    import mlx.nn

    layer = mlx.nn.SinusoidalPositionalEncoding(d_model)
    return torch.tensor(np.array(layer(mlx.core.arange(seq_len))))


# What follows is written down from the source, since the libraries want far more than their table does.


def tensorflow_tutorial(seq_len: int, d_model: int) -> Tensor:
    pairs = np.arange(d_model / 2)[None] / (d_model / 2)
    angles = np.arange(seq_len)[:, None] / 10000**pairs
    return torch.tensor(np.concatenate([np.sin(angles), np.cos(angles)], axis=1), dtype=torch.float32)


def keras_hub(seq_len: int, d_model: int) -> Tensor:
    column = torch.arange(d_model)
    angles = torch.arange(seq_len)[:, None] * torch.tensor(1 / 10000).pow(2 * (column // 2) / d_model)
    return torch.where(column % 2 == 0, angles.sin(), angles.cos())


def pytorch_geometric(positions: Tensor, d_model: int) -> Tensor:
    angles = positions[:, None] * torch.logspace(0, 1, d_model // 2, base=1e-4)
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def nerf(points: Tensor, pairs: int) -> Tensor:
    return torch.cat([wave(points * 2.0**k) for k in range(pairs) for wave in (torch.sin, torch.cos)], dim=-1)
