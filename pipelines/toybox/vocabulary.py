"""The word-level tokenizer of the toy world, inside a stock fast tokenizer class."""

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from pipelines.toybox.captions import WORDS
from pipelines.toybox.recipes import TransformerRecipe

PAD, END, UNKNOWN = "<pad>", "</s>", "<unk>"
PUNCTUATION = (",", ".", ";", ":", "!", "?", "-", "'")


def build_tokenizer(recipe: TransformerRecipe) -> PreTrainedTokenizerFast:
    """Lower-casing, one id per word of the captions, and spare ids up to the recipe's size for words to come."""
    words = [PAD, END, UNKNOWN, *PUNCTUATION, *sorted(WORDS)]
    spare = [f"<spare_{index}>" for index in range(recipe.vocab_size - len(words))]
    if len(words) > recipe.vocab_size:
        raise ValueError(f"The captions have {len(words)} words; the recipe's vocabulary holds {recipe.vocab_size}.")
    table = {word: index for index, word in enumerate([*words, *spare])}
    tokenizer = Tokenizer(models.WordLevel(table, unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"$A {END}", special_tokens=[(END, table[END])]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=PAD, eos_token=END, unk_token=UNKNOWN,
        model_max_length=recipe.text_length, padding_side="right",
    )
