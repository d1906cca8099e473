"""Small models of other libraries, as these save them."""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import transformers
from safetensors.torch import load_file
from torch import Tensor, nn

from tests import libraries

LAYERS = {"encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2, "decoder_attention_heads": 2}
SIZES = {"d_model": 16, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16, **LAYERS}
WORDS = {"vocab_size": 20, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2, "decoder_start_token_id": 2}
TEXT = {**SIZES, **WORDS, "max_position_embeddings": 32}
STACK = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}


def saved_by_transformers(model: str, config: str, **settings: Any) -> Callable[[], Mapping[str, Tensor]]:
    return lambda: saved(getattr(transformers, model)(getattr(transformers, config)(**settings)))


def saved(model: Any) -> Mapping[str, Tensor]:
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        return load_file(Path(folder, "model.safetensors"))


def vit_mae(*, made_anew: bool = False) -> Mapping[str, Tensor]:
    sizes = STACK | {f"decoder_{name}": value for name, value in STACK.items()}
    config = transformers.ViTMAEConfig(**sizes, image_size=32, patch_size=16)
    model = transformers.ViTMAEForPreTraining(config)
    if not made_anew:  # then its tables are zeros, unlike those of a checkpoint
        model.vit.embeddings = libraries.modeling_vit_mae.ViTMAEEmbeddings(config)
        model.vit.embeddings.initialize_weights()
        model.decoder = libraries.modeling_vit_mae.ViTMAEDecoder(config, num_patches=4)
    return saved(model)


def saved_by_torch(make: Callable[[], nn.Module]) -> Callable[[], Mapping[str, Tensor]]:
    return lambda: make().state_dict()


# By the name that the page gives them.
SAVED: dict[str, Callable[[], Mapping[str, Tensor]]] = {
    "Whisper": saved_by_transformers(
        "WhisperForConditionalGeneration",
        "WhisperConfig",
        **(SIZES | WORDS | {"max_source_positions": 12, "max_target_positions": 8, "num_mel_bins": 4}),
    ),
    "Pegasus": saved_by_transformers("PegasusForConditionalGeneration", "PegasusConfig", **TEXT),
    "RoFormer": saved_by_transformers("RoFormerForMaskedLM", "RoFormerConfig", vocab_size=20, **STACK),
    "FSMT": saved_by_transformers(
        "FSMTForConditionalGeneration",
        "FSMTConfig",
        **(SIZES | {"langs": ["en", "de"], "src_vocab_size": 20, "tgt_vocab_size": 20, "max_position_embeddings": 32}),
    ),
    "ViTMAE": vit_mae,
    "Marian": saved_by_transformers("MarianMTModel", "MarianConfig", **TEXT),
    "M2M100": saved_by_transformers("M2M100ForConditionalGeneration", "M2M100Config", **TEXT),
    "NLLB-MoE": saved_by_transformers("NllbMoeForConditionalGeneration", "NllbMoeConfig", num_experts=2, **TEXT),
    "XGLM": saved_by_transformers(
        "XGLMForCausalLM", "XGLMConfig", vocab_size=20, d_model=16, ffn_dim=16, num_layers=1, attention_heads=2
    ),
    "MusicGen": saved_by_transformers(
        "MusicgenForCausalLM",
        "MusicgenDecoderConfig",
        hidden_size=16,
        ffn_dim=16,
        num_hidden_layers=1,
        num_attention_heads=2,
    ),
    "DETR": saved_by_transformers(
        "DetrForObjectDetection",
        "DetrConfig",
        use_timm_backbone=False,
        use_pretrained_backbone=False,
        backbone=None,
        backbone_config=transformers.ResNetConfig(
            embedding_size=8, hidden_sizes=[8] * 4, depths=[1] * 4, out_features=["stage4"]
        ),
        **(SIZES | {"num_queries": 3}),
    ),
    "SpeechT5": saved_by_transformers(
        "SpeechT5ForTextToSpeech",
        "SpeechT5Config",
        **(WORDS | LAYERS | {"hidden_size": 16, "speech_decoder_prenet_units": 8, "speech_decoder_postnet_units": 8}),
    ),
    "SinusoidalPositionalEmbedding": saved_by_torch(lambda: libraries.diffusers.SinusoidalPositionalEmbedding(16, 8)),
    "Timesteps": saved_by_torch(
        lambda: libraries.diffusers.Timesteps(16, flip_sin_to_cos=True, downscale_freq_shift=0)
    ),
    "positional-encodings": saved_by_torch(lambda: libraries.pos_enc.PositionalEncoding2D(16)),
    "ScaledSinusoidalEmbedding": saved_by_torch(lambda: libraries.ScaledSinusoidalEmbedding(16)),
}
