"""Writes tokenizer.json and tokenizer_config.json of a stub vocabulary, as on the Hub, for both kinds of tokenizer."""

import json

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from vocabulary import SPM_SPACE

# The patterns of Llama 3 and Qwen 2 differ in the length of a group of digits.
DIGITS = {"llama-bpe": r"\p{N}{1,3}", "qwen2": r"\p{N}"}
PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def make_tokenizer(vocabulary):
    places = {token: place for place, token in enumerate(vocabulary.tokens)}
    if vocabulary.kind == "bpe":
        tokenizer = Tokenizer(models.BPE(vocab=places, merges=vocabulary.merges))
        pattern = Regex(PATTERN % DIGITS[vocabulary.pre])
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(pattern, "isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
        tokenizer.decoder = decoders.ByteLevel()
    else:
        model = models.BPE(
            vocab=places, merges=vocabulary.merges, byte_fallback=True, unk_token="<unk>", fuse_unk=True
        )
        tokenizer = Tokenizer(model)
        tokenizer.normalizer = normalizers.Sequence(
            [normalizers.Prepend(SPM_SPACE), normalizers.Replace(" ", SPM_SPACE)]
        )
        tokenizer.decoder = decoders.Sequence(
            [
                decoders.Replace(SPM_SPACE, " "),
                decoders.ByteFallback(),
                decoders.Fuse(),
                decoders.Strip(content=" ", left=1, right=0),
            ]
        )
    special = [token for token, kind in zip(vocabulary.tokens, vocabulary.types) if kind in (2, 3)]
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    return tokenizer


def write_tokenizer(directory, vocabulary):
    tokenizer = make_tokenizer(vocabulary)
    tokenizer.save(str(directory / "tokenizer.json"), pretty=False)
    config = {
        "add_bos_token": vocabulary.kind == "spm",
        "bos_token": vocabulary.tokens[vocabulary.bos],
        "clean_up_tokenization_spaces": False,
        "eos_token": vocabulary.tokens[vocabulary.eos],
        "tokenizer_class": "PreTrainedTokenizerFast",
    }
    if vocabulary.unknown is not None:
        config["unk_token"] = vocabulary.tokens[vocabulary.unknown]
    (directory / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")


def text_tokens(vocabulary, text):
    """Returns the ids of a text after the beginning token; decoding them must return the text."""
    tokenizer = make_tokenizer(vocabulary)
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    assert tokenizer.decode(ids) == text, f"the stub vocabulary of {vocabulary.kind} loses text"
    return [vocabulary.bos, *ids]
