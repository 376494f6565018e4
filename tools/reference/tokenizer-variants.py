"""Pipelines of tokenizer.json for the fixtures: every part that the engine reads, in combinations of published models and
in some new combinations. Each function yields a name and the parts around a model.
"""

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, BYTE = 1, 2, 3, 4, 6
CONTROL_TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]


def added(id, content, **flags):
    plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": False}
    return {"id": id, "content": content, **plain, **flags}


def split(pattern, behavior="Isolated", invert=False):
    kind = "Regex" if isinstance(pattern, str) else "String"
    return {"type": "Split", "pattern": {kind: pattern if kind == "Regex" else pattern[0]}, "behavior": behavior, "invert": invert}


def byte_level(prefix=False, regex=False):
    return {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": True, "use_regex": regex}


def sequence(key, *parts):
    return {"type": "Sequence", key: list(parts)}


def template(before, after):
    special = lambda text: {"SpecialToken": {"id": text, "type_id": 0}}
    single = [*map(special, before), {"Sequence": {"id": "A", "type_id": 0}}, *map(special, after)]
    return lambda ids: {
        "type": "TemplateProcessing",
        "single": single,
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {text: {"id": text, "ids": [ids[text]], "tokens": [text]} for text in before + after},
    }


def byte_level_variants(vocab):
    size = len(vocab)
    control = [added(size + index, text, special=True) for index, text in enumerate(CONTROL_TOKENS)]
    ids = {text: size + index for index, text in enumerate(CONTROL_TOKENS)}
    greedy = {"decoder": byte_level(), "added_tokens": control}
    for behavior in ("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"):
        for invert in (False, True):
            name = f"split {behavior}{' inverted' if invert else ''}"
            yield name, {**greedy, "pre_tokenizer": sequence("pretokenizers", split("[aeiou\\s]", behavior, invert), byte_level())}
    yield "literal split", {**greedy, "pre_tokenizer": sequence("pretokenizers", split(["."], "MergedWithPrevious"), byte_level())}
    yield "prefix space and template", {
        **greedy,
        "pre_tokenizer": byte_level(prefix=True, regex=True),
        "post_processor": sequence(
            "processors", byte_level(), template(["<|endoftext|>"], ["<|im_end|>"])(ids)
        ),
    }  # fmt: skip
    yield "patterns of Oniguruma", {
        **greedy,
        "pre_tokenizer": sequence(
            "pretokenizers",
            split("(?i)they'll|ship|[[:upper:]]{2,}+"),
            split("\\b[[:alpha:]&&[^a-m]]+\\b|(?>a+)b|^\\w|\\h{3,}$"),
            split("[^\\W\\d_]{3,}?|\\x{1F600}|[\\u4e00-\\u9fff&&\\p{Han}]+|(?<=\\.)\\d++"),
            byte_level(),
        ),
    }
    flags = {
        "<tool>": {"normalized": True},
        "tool": {"single_word": True, "normalized": True},
        "load": {"lstrip": True, "rstrip": True},
        "a\u030a": {"normalized": True},
        "    ": {},
        "ship's load": {"single_word": True},
        "<|im_": {"special": True, "rstrip": True},
    }
    # A token of the vocabulary keeps its id; new tokens get the next numbers.
    new = [text for text in flags if text not in vocab]
    number = {text: vocab.get(text) or size + 3 + new.index(text) for text in flags}
    flags = [added(number[text], text, **flag) for text, flag in flags.items()]
    yield "added tokens with flags", {
        **greedy,
        "added_tokens": [*control, *flags],
        "normalizer": sequence("normalizers", {"type": "NFC"}, {"type": "Lowercase"}),
        "pre_tokenizer": byte_level(regex=True),
    }
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        yield f"normalizer {form}", {**greedy, "normalizer": {"type": form}, "pre_tokenizer": byte_level(regex=True)}
    yield "many normalizers", {
        **greedy,
        "normalizer": sequence(
            "normalizers",
            {"type": "Strip", "strip_left": True, "strip_right": True},
            {"type": "Nmt"},
            {"type": "NFD"},
            {"type": "StripAccents"},
            {"type": "Lowercase"},
            {"type": "Replace", "pattern": {"Regex": "[0-9]{2,}"}, "content": "$#"},
            {"type": "Replace", "pattern": {"String": "."}, "content": " . "},
            {"type": "Prepend", "prepend": ">"},
        ),
        "pre_tokenizer": byte_level(regex=True),
    }


def character_variants():
    yield "whitespace", {"pre_tokenizer": {"type": "Whitespace"}}
    yield "whitespace split and punctuation", {
        "pre_tokenizer": sequence(
            "pretokenizers",
            {"type": "WhitespaceSplit"},
            {"type": "Punctuation", "behavior": "MergedWithNext"},
            {"type": "Digits", "individual_digits": False},
        )
    }
    yield "bert", {"pre_tokenizer": {"type": "BertPreTokenizer"}}
    yield "delimiter", {"pre_tokenizer": {"type": "CharDelimiterSplit", "delimiter": "e"}}


LLAMA_DECODER = sequence(
    "decoders",
    {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
    {"type": "ByteFallback"},
    {"type": "Fuse"},
    {"type": "Strip", "content": " ", "start": 1, "stop": 0},
)


def metaspace(scheme, splits=True):
    return {"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": splits}


def sentencepiece_variants(pieces):
    ids = {piece: index for index, (piece, _, _) in enumerate(pieces)}
    kinds = {CONTROL: True, UNKNOWN: True, USER_DEFINED: False}
    tokens = [added(index, piece, special=kinds[kind]) for index, (piece, _, kind) in enumerate(pieces) if kind in kinds]
    legacy = sequence(
        "normalizers",
        {"type": "Prepend", "prepend": "▁"},
        {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
    )
    bos = template(["<s>"], [])(ids)
    yield "llama", {"added_tokens": tokens, "normalizer": legacy, "post_processor": bos, "decoder": LLAMA_DECODER}
    yield "gemma", {
        "added_tokens": tokens,
        "normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
        "pre_tokenizer": split([" "], "MergedWithPrevious"),
        "post_processor": bos,
        "decoder": sequence("decoders", *LLAMA_DECODER["decoders"][:3]),
    }
    for scheme in ("always", "first", "never"):
        yield f"metaspace {scheme}", {
            "added_tokens": tokens,
            "pre_tokenizer": metaspace(scheme, splits=scheme != "first"),
            "decoder": metaspace(scheme),
        }


def unigram_variants(charsmap):
    normalizer = sequence(
        "normalizers",
        {"type": "Precompiled", "precompiled_charsmap": charsmap},
        {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "},
    )
    yield "unigram", {"normalizer": normalizer, "pre_tokenizer": metaspace("always"), "decoder": metaspace("always")}
    yield "unigram without words", {"pre_tokenizer": metaspace("never", splits=False), "decoder": metaspace("never")}
