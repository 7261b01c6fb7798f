"""Fresh transformer, text encoder and scheduler of a recipe, in their stock classes, and the text path of training."""

from collections.abc import Sequence

import torch
from diffusers import FlowMatchEulerDiscreteScheduler, WanVACETransformer3DModel
from torch import Tensor, nn
from transformers import PreTrainedTokenizerFast, UMT5Config, UMT5EncoderModel

from pipelines.toybox.codec import SPATIAL_FACTOR
from pipelines.toybox.recipes import Recipe, TransformerRecipe

PATCH = (1, 2, 2)


def build_transformer(recipe: Recipe) -> WanVACETransformer3DModel:
    """A fresh denoiser over the recipe's latents."""
    shape, z_dim = recipe.transformer, recipe.codec.z_dim
    return WanVACETransformer3DModel(
        patch_size=PATCH,
        num_attention_heads=shape.num_heads,
        attention_head_dim=shape.head_dim,
        in_channels=z_dim,
        out_channels=z_dim,
        text_dim=shape.text_dim,
        freq_dim=shape.freq_dim,
        ffn_dim=shape.ffn_dim,
        num_layers=shape.num_layers,
        cross_attn_norm=True,
        vace_layers=list(shape.vace_layers),
        vace_in_channels=2 * z_dim + SPATIAL_FACTOR**2,
    )


def build_text_encoder(recipe: TransformerRecipe) -> UMT5EncoderModel:
    """A fresh text encoder without dropout."""
    config = UMT5Config(
        vocab_size=recipe.vocab_size,
        d_model=recipe.text_dim,
        d_kv=recipe.text_dim // recipe.text_heads,
        d_ff=2 * recipe.text_dim,
        num_layers=recipe.text_layers,
        num_heads=recipe.text_heads,
        relative_attention_num_buckets=16,
        relative_attention_max_distance=32,
        dropout_rate=0.0,
        pad_token_id=0,
        eos_token_id=1,
    )
    return UMT5EncoderModel(config)


def build_scheduler(recipe: TransformerRecipe) -> FlowMatchEulerDiscreteScheduler:
    """Euler steps along the flow, with the recipe's fixed shift."""
    return FlowMatchEulerDiscreteScheduler(num_train_timesteps=1000, shift=recipe.shift)


class Denoiser(nn.Module):
    """Transformer and text encoder as one module, so that they train, average and save together."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.transformer = build_transformer(recipe)
        self.text_encoder = build_text_encoder(recipe.transformer)

    def forward(self, noisy: Tensor, sigma: Tensor, text: tuple[Tensor, Tensor], control: Tensor) -> Tensor:
        """Velocity (B, z, T', H', W') at noise level sigma (B,) in 0..1; text is token ids and their mask (B, L)."""
        embedded = embed_text(self.text_encoder, *text)
        velocity: Tensor = self.transformer(
            hidden_states=noisy,
            timestep=sigma * 1000.0,
            encoder_hidden_states=embedded,
            control_hidden_states=control,
            return_dict=False,
        )[0]
        return velocity


def embed_text(encoder: UMT5EncoderModel, ids: Tensor, mask: Tensor) -> Tensor:
    """Text states (B, L, d) with zeros after the end mark, as `WanVACEPipeline.encode_prompt` makes them."""
    states: Tensor = encoder(ids, mask).last_hidden_state
    return states * mask.unsqueeze(-1).to(states.dtype)


def tokenize(tokenizer: PreTrainedTokenizerFast, prompts: Sequence[str], length: int) -> tuple[Tensor, Tensor]:
    """Token ids and attention mask (B, length) of prompts."""
    encoded = tokenizer(
        list(prompts), padding="max_length", max_length=length, truncation=True, return_attention_mask=True,
        return_tensors="pt",
    )
    return encoded.input_ids, encoded.attention_mask.to(torch.long)
