"""The named training recipes: `cpu` and, from its weights on, `people` (the shipped weights), `full` (one CUDA GPU,
256 px) and `ci` (seconds).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

DATA_VERSION = "everyday-1"
"""Changes whenever the renderer, the sampler or the caption grammar change what a training clip looks like."""


@dataclass(frozen=True, kw_only=True)
class CropStage:
    """One kind of codec batch: clips per batch, frames (1 + 4k), crop side in pixels, and its share of the steps."""

    batch: int
    num_frames: int
    size: int
    share: float


@dataclass(frozen=True, kw_only=True)
class CodecRecipe:
    """Shape and training of the `AutoencoderKLWan`: 16x smaller in space (patch 2 and three halvings), 4x in time.

    The encoder is set in closed form (`codec_init`); the decoder trains on latents with `latent_noise` (in normalised
    units) added. `whitening` in 0..1 is the power of a channel's deviation that normalising takes away.
    """

    base_dim: int = 16
    decoder_base_dim: int = 16
    z_dim: int = 48
    dim_mult: tuple[int, ...] = (1, 2, 4, 4)
    num_res_blocks: int = 1
    steps: int = 1400
    learning_rate: float = 2e-3
    warmup_steps: int = 20
    ema_decay: float = 0.99
    latent_noise: float = 0.05
    whitening: float = 0.5
    gradient_weight: float = 0.3
    grey_share: float = 0.06
    stages: tuple[CropStage, ...]
    finish: CropStage
    finish_share: float = 0.12


@dataclass(frozen=True, kw_only=True)
class TransformerRecipe:
    """Shape and training of the `WanVACETransformer3DModel` and of the `UMT5EncoderModel` that learns beside it.

    `patterns` conditions are drawn and kept for each clip; `text_share` of the samples have none of them, and
    `reference_share` of the steps have reference pictures; in `place_share` of those the caption leaves the thing to
    the picture. Where a condition says where things are, their latents weigh up to `1 + thing_weight` times as much.
    """

    num_layers: int = 6
    num_heads: int = 4
    head_dim: int = 64
    ffn_dim: int = 1024
    vace_layers: tuple[int, ...] = (0, 3)
    freq_dim: int = 128
    text_dim: int = 128
    text_layers: int = 2
    text_heads: int = 4
    text_length: int = 48
    vocab_size: int = 320
    steps: int = 4200
    batch: int = 32
    learning_rate: float = 1e-3
    muon_rate: float = 1.5e-3
    warmup_steps: int = 60
    ema_decay: float = 0.995
    weight_decay: float = 0.01
    caption_dropout: float = 0.1
    patterns: int = 4
    text_share: float = 0.4
    reference_share: float = 0.1
    place_share: float = 0.6
    thing_weight: float = 0.0
    shift: float = 3.0


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything one checkpoint is trained with; lengths in frames, sizes in pixels; `mixture` as in `sampling`."""

    name: str
    mixture: str = "everyday"
    codec: CodecRecipe
    transformer: TransformerRecipe
    size: int = 128
    num_frames: int = 17
    shard_clips: int = 64
    seed: int = 20261121
    checkpoint_every: int = 100


CPU = Recipe(
    name="cpu",
    codec=CodecRecipe(
        stages=(
            CropStage(batch=8, num_frames=9, size=64, share=0.6),
            CropStage(batch=4, num_frames=9, size=96, share=0.4),
        ),
        finish=CropStage(batch=2, num_frames=17, size=128, share=1.0),
    ),
    transformer=TransformerRecipe(),
)

PEOPLE = replace(
    CPU,
    name="people",
    mixture="peopled",
    transformer=replace(CPU.transformer, steps=3221, batch=64, patterns=6, text_share=0.3, thing_weight=3.0),
)
"""What the `cpu` recipe's denoiser goes on with: people and structure, which it knew least."""

FULL = Recipe(
    name="full",
    mixture="full",
    size=256,
    num_frames=33,
    codec=CodecRecipe(
        base_dim=32,
        decoder_base_dim=48,
        num_res_blocks=2,
        steps=60_000,
        learning_rate=1e-3,
        warmup_steps=500,
        ema_decay=0.999,
        stages=(
            CropStage(batch=32, num_frames=9, size=96, share=0.6),
            CropStage(batch=16, num_frames=17, size=128, share=0.4),
        ),
        finish=CropStage(batch=8, num_frames=17, size=256, share=1.0),
    ),
    transformer=TransformerRecipe(
        num_layers=12,
        num_heads=6,
        head_dim=64,
        ffn_dim=1536,
        vace_layers=(0, 4, 8),
        freq_dim=256,
        text_dim=256,
        text_layers=4,
        text_length=64,
        vocab_size=512,
        steps=200_000,
        batch=128,
        ema_decay=0.9998,
    ),
)

CI = Recipe(
    name="ci",
    size=32,
    num_frames=5,
    shard_clips=2,
    codec=CodecRecipe(
        base_dim=4,
        decoder_base_dim=4,
        z_dim=8,
        dim_mult=(1, 2, 4, 4),
        steps=8,
        warmup_steps=2,
        stages=(CropStage(batch=2, num_frames=5, size=32, share=1.0),),
        finish=CropStage(batch=2, num_frames=5, size=32, share=1.0),
    ),
    transformer=TransformerRecipe(
        num_layers=2,
        num_heads=2,
        head_dim=16,
        ffn_dim=64,
        vace_layers=(0,),
        freq_dim=32,
        text_dim=32,
        text_layers=1,
        text_heads=2,
        patterns=2,
        steps=8,
        batch=2,
        warmup_steps=2,
    ),
    checkpoint_every=4,
)

RECIPES: Mapping[str, Recipe] = MappingProxyType({recipe.name: recipe for recipe in (CPU, PEOPLE, FULL, CI)})
