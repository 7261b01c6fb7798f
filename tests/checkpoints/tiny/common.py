"""Small parts that several families share."""

from __future__ import annotations

from typing import Any

from diffusers import AutoencoderKL
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors
from transformers import (
    CLIPImageProcessorPil,
    CLIPTextConfig,
    CLIPTextModel,
    PreTrainedTokenizerFast,
    T5Config,
    T5EncoderModel,
)

SPECIAL = ["<pad>", "</s>", "<unk>", "<s>", "<image>"]
MARKS = ["<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<|begin_of_text|>"]
LETTERS = [chr(code) for code in range(32, 127)] + ["\n"]
VOCABULARY = {word: number for number, word in enumerate([*SPECIAL, *MARKS, *LETTERS])}
WORDS = 112  # size of the embeddings, a little more than the words
WIDTH = 16


def tokenizer(length: int = 16, begins: bool = False, **more: Any) -> PreTrainedTokenizerFast:
    """A token for each letter; begins: with a first token as CLIP has it."""
    made = Tokenizer(models.WordLevel(VOCABULARY, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    made.add_special_tokens([*SPECIAL, *MARKS])
    pattern = "<s> $A </s>" if begins else "$A </s>"
    pairs = [("<s>", VOCABULARY["<s>"]), ("</s>", VOCABULARY["</s>"])]
    made.post_processor = processors.TemplateProcessing(single=pattern, special_tokens=pairs)
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
        bos_token="<s>",
        model_max_length=length,
        **more,
    )


def t5(width: int = WIDTH) -> T5EncoderModel:
    config = T5Config(vocab_size=WORDS, d_model=width, d_kv=8, d_ff=16, num_layers=1, num_heads=2, pad_token_id=0)
    return T5EncoderModel(config).eval()


def clip_text(width: int = WIDTH) -> CLIPTextModel:
    config = CLIPTextConfig(
        vocab_size=WORDS,
        hidden_size=width,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=77,
        pad_token_id=VOCABULARY["<pad>"],
        bos_token_id=VOCABULARY["<s>"],
        eos_token_id=VOCABULARY["</s>"],
    )
    return CLIPTextModel(config).eval()


def image_codec() -> AutoencoderKL:
    """Two levels: halves the sides once."""
    return AutoencoderKL(
        block_out_channels=(8, 8),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=4,
        sample_size=16,
    ).eval()


def clip_processor(side: int = 32) -> CLIPImageProcessorPil:
    return CLIPImageProcessorPil(size={"shortest_edge": side}, crop_size={"height": side, "width": side})
