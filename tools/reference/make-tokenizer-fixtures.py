"""Writes fixtures/tokenizers: small vocabularies of every kind that the engine reads, and the ids that their libraries
give for a list of difficult texts.

    python -m venv env && env/bin/pip install tokenizers==0.22.1 sentencepiece==0.2.3 gguf==0.17.1
    env/bin/python tools/reference/make-tokenizer-fixtures.py

The script downloads nothing and trains the vocabularies. The byte-level vocabulary is trained without a pre-tokenizer, so
that it has merges over every boundary; a wrong boundary then changes the ids.
"""

import base64
import importlib.util
import io
import json
import tempfile
from importlib.metadata import version
from pathlib import Path

import sentencepiece
from gguf import GGUFWriter
from sentencepiece import sentencepiece_model_pb2
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

for package, pinned in {"tokenizers": "0.22.1", "sentencepiece": "0.2.3", "gguf": "0.17.1"}.items():
    assert version(package) == pinned, f"these fixtures are made with {package} {pinned}, not {version(package)}"

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "fixtures" / "tokenizers"
PRE_TOKENIZERS = ROOT / "packages/text/src/tokenizer/pre-tokenize/gguf-pre-tokenizers.json"


def beside(name):
    """Loads a file of this folder; its name has a dash, which `import` does not support."""
    spec = importlib.util.spec_from_file_location(name.replace("-", "_"), Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


texts = beside("tokenizer-texts")
variants = beside("tokenizer-variants")
TEXTS = texts.TEXTS
NORMAL, CONTROL, CONTROL_TOKENS = variants.NORMAL, variants.CONTROL, variants.CONTROL_TOKENS


def write_json(name, value):
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    (TARGET / name).write_text(text.replace('},{"', '},\n{"') + "\n", encoding="utf-8")


def joined(ids):
    """Joins a list of ids to one text, which keeps the files readable and small."""
    return " ".join(map(str, ids))


def write_gguf(name, model, tokens, types, **extra):
    writer = GGUFWriter(TARGET / name, "llama")
    writer.add_name(name)
    writer.add_context_length(128)
    writer.add_embedding_length(32)
    writer.add_block_count(1)
    writer.add_feed_forward_length(32)
    writer.add_head_count(1)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tokenizer_model(model)
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    if "scores" in extra:
        writer.add_token_scores(extra["scores"])
    if "merges" in extra:
        writer.add_token_merges(extra["merges"])
        writer.add_tokenizer_pre(extra["pre"])
    for kind in ("bos", "eos", "unk"):
        if kind in extra:
            getattr(writer, f"add_{kind}_token_id")(extra[kind])
    if "add_space_prefix" in extra:
        writer.add_add_space_prefix(extra["add_space_prefix"])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


# Byte-level BPE --------------------------------------------------------------------------------------------------


def train_byte_level():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    trainer = trainers.BpeTrainer(
        vocab_size=1100,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
        max_token_length=9,
    )
    tokenizer.train_from_iterator(texts.TRAINING + TEXTS, trainer)
    return json.loads(tokenizer.to_str())["model"]


def pipeline(model, **parts):
    """Makes a tokenizer.json from a model and the parts that are not null."""
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": None,
        "post_processor": None,
        "decoder": None,
        "model": model,
        **parts,
    }


def byte_level_kinds(model):
    """Makes each pre-tokenizer that GGUF names, in the library for which the models were published."""
    kinds = {}
    size = len(model["vocab"])
    control = [variants.added(size + index, text, special=True) for index, text in enumerate(CONTROL_TOKENS)]
    for entry in json.loads(PRE_TOKENIZERS.read_text())["preTokenizers"]:
        if entry["names"][0] == "gemma4":
            continue
        pre_tokenizer = entry["preTokenizer"]
        config = pipeline(
            {**model, "ignore_merges": entry.get("ignoreMerges", False)},
            added_tokens=control,
            normalizer=entry.get("normalizer"),
            pre_tokenizer=pre_tokenizer,
            decoder={"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
        )
        tokenizer = Tokenizer.from_str(json.dumps(config))
        kinds[entry["names"][0]] = [joined(tokenizer.encode(text).ids) for text in TEXTS]
    return kinds


def write_byte_level():
    model = train_byte_level()
    tokens = sorted(model["vocab"], key=model["vocab"].get)
    types = [NORMAL] * len(tokens) + [CONTROL] * len(CONTROL_TOKENS)
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]]
    end = len(tokens)
    write_gguf(
        "byte-level.gguf", "gpt2", tokens + CONTROL_TOKENS, types, merges=merges, pre="gpt-2", bos=end, eos=end
    )
    write_json("byte-level-ids.json", byte_level_kinds(model))
    return model


# SentencePiece ---------------------------------------------------------------------------------------------------


def train_sentencepiece(kind, **options):
    """Trains on texts that exclude the tested texts, so that these have characters that need byte fallback."""
    output = io.BytesIO()
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as corpus:
        # The trainer reads lines.
        for text in texts.TRAINING:
            corpus.write(text.replace("\r", "").replace("\n", " ") + "\n")
        corpus.flush()
        sentencepiece.SentencePieceTrainer.train(
            input=corpus.name,
            model_writer=output,
            model_type=kind,
            character_coverage=0.98,
            byte_fallback=True,
            minloglevel=2,
            num_threads=1,
            **options,
        )
    return output.getvalue()


def pieces_of(serialized):
    proto = sentencepiece_model_pb2.ModelProto.FromString(serialized)
    return proto, [(piece.piece, piece.score, piece.type) for piece in proto.pieces]


def merges_of(pieces):
    """Returns every way to make a piece of two others, the best piece first, as converters write them."""
    known = {piece: index for index, (piece, _, _) in enumerate(pieces)}
    merges = []
    for index, (piece, score, kind) in enumerate(pieces):
        if kind != NORMAL:
            continue
        local = [(piece[:cut], piece[cut:]) for cut in range(1, len(piece)) if piece[:cut] in known and piece[cut:] in known]
        local.sort(key=lambda pair: (known[pair[0]], known[pair[1]]))
        merges.extend((score, index, pair) for pair in local)
    merges.sort(key=lambda merge: (-merge[0], merge[1]))
    return [list(pair) for _, _, pair in merges]


PLAIN = {
    "normalization_rule_name": "identity",
    "remove_extra_whitespaces": False,
    "allow_whitespace_only_pieces": True,
    "split_digits": True,
}


def write_score_bpe():
    serialized = train_sentencepiece(
        "bpe", vocab_size=1300, user_defined_symbols=["<tool>", "</tool>"], control_symbols=CONTROL_TOKENS, **PLAIN
    )
    processor = sentencepiece.SentencePieceProcessor(model_proto=serialized)
    _, pieces = pieces_of(serialized)
    tokens, scores, types = (list(column) for column in zip(*pieces))
    write_gguf("score-bpe.gguf", "llama", tokens, types, scores=scores, bos=1, eos=2, unk=0)
    write_json("score-bpe-ids.json", {"ids": [joined(processor.encode(text)) for text in TEXTS]})
    return pieces


def custom_rules():
    """Returns a few rules like the thousands of nmt_nfkc, so that the compiled table stays small."""
    rules = {
        "\ufb01": "fi",
        "\uff11": "1",
        "\uff12": "2",
        "\uff21": "A",
        "e\u0301": "e'",
        "\u00e9": "e'",
        "\u00bd": "1/2",
        "\u2026": "...",
        "\u3000": " ",
        "\t": " ",
        "\n": " ",
        "\u200b": "",
        "\U0001f44d": "thumb",
        "\uff76\uff85": "\u30ab\u30ca",
    }
    return "".join(
        f"{' '.join(f'{ord(c):X}' for c in source)}\t{' '.join(f'{ord(c):X}' for c in target)}\n"
        for source, target in rules.items()
    )


def train_unigram():
    with tempfile.NamedTemporaryFile("w", suffix=".tsv", encoding="utf-8") as rules:
        rules.write(custom_rules())
        rules.flush()
        serialized = train_sentencepiece(
            "unigram", vocab_size=1000, hard_vocab_limit=False, normalization_rule_tsv=rules.name, control_symbols=CONTROL_TOKENS
        )
    proto, pieces = pieces_of(serialized)
    return base64.b64encode(proto.normalizer_spec.precompiled_charsmap).decode(), pieces


# tokenizer.json --------------------------------------------------------------------------------------------------


def answers(config):
    """Returns the ids with special tokens in the text read as tokens and as text, and the decoded text."""
    tokenizer = Tokenizer.from_str(json.dumps(config))
    parsed = [tokenizer.encode(text).ids for text in TEXTS]
    shown = [tokenizer.decode(ids, skip_special_tokens=True) for ids in parsed]
    tokenizer.encode_special_tokens = True
    plain = [tokenizer.encode(text).ids for text in TEXTS]
    return {
        "parsed": [joined(ids) for ids in parsed],
        # Only texts with other results.
        "plain": {str(index): joined(ids) for index, ids in enumerate(plain) if ids != parsed[index]},
        "decoded": {str(index): text for index, text in enumerate(shown) if text != TEXTS[index]},
    }


def write_variants(byte_level_model, pieces):
    charsmap, unigram_pieces = train_unigram()
    bpe_pieces = {piece: index for index, (piece, _, _) in enumerate(pieces)}
    character_model = Tokenizer(models.BPE(unk_token="[UNK]", fuse_unk=True))
    character_model.pre_tokenizer = pre_tokenizers.Whitespace()
    character_model.train_from_iterator(
        texts.TRAINING[:3],  # Few scripts: all others are unknown.
        trainers.BpeTrainer(vocab_size=300, special_tokens=["[UNK]"], show_progress=False),
    )
    base = {
        "byteLevel": {**byte_level_model},
        "characters": json.loads(character_model.to_str())["model"],
        "pieces": {
            "type": "BPE",
            "unk_token": "<unk>",
            "fuse_unk": True,
            "byte_fallback": True,
            "vocab": bpe_pieces,
            "merges": merges_of(pieces),
        },
        "unigram": {
            "type": "Unigram",
            "unk_id": 0,
            "byte_fallback": True,
            "vocab": [[piece, score] for piece, score, _ in unigram_pieces],
        },
    }
    base["unigramUnknown"] = {**base["unigram"], "byte_fallback": False}
    groups = {
        "byteLevel": variants.byte_level_variants(byte_level_model["vocab"]),
        "characters": variants.character_variants(),
        "pieces": variants.sentencepiece_variants(pieces),
        "unigram": variants.unigram_variants(charsmap),
        "unigramUnknown": variants.unigram_variants(charsmap),
    }
    answered = [
        {"name": name, "model": kind, "parts": parts, **answers(pipeline(base[kind], **parts))}
        for kind, group in groups.items()
        for name, parts in group
    ]
    del base["unigramUnknown"]
    write_json("models.json", base)
    write_json("variants.json", answered)


TARGET.mkdir(exist_ok=True)
write_json("texts.json", TEXTS)
write_variants(write_byte_level(), write_score_bpe())
