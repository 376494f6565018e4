"""Stub vocabularies: all bytes, a few hundred merges of a handful of words, special tokens. Any text can be encoded.

Both kinds use one list of merges: `spm` (SentencePiece as llama.cpp's `llama` tokenizer reads it: pieces with scores and
byte fallback) and `bpe` (byte-level BPE: tokens in GPT-2's printable alphabet, and merges).
"""

from dataclasses import dataclass

WORDS = (
    "the and of to in a is was it for on with as he that by at his her they which memory model token byte load line "
    "ship sea water weight block cache page layer head more less than one two three first last read write run time"
).split()
SPM_SPACE = "\u2581"


@dataclass(frozen=True)
class Vocabulary:
    kind: str
    pre: str
    tokens: list
    # gguf.TokenType per token: 1 normal, 2 unknown, 3 control, 5 unused, 6 byte.
    types: list
    scores: list
    merges: list
    bos: int
    eos: int
    unknown: int | None


def printable_bytes():
    """Returns GPT-2's alphabet: printable bytes map to themselves, the others to characters beyond 255."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters, moved = {}, 0
    for byte in range(256):
        if byte in plain:
            letters[byte] = chr(byte)
        else:
            letters[byte] = chr(256 + moved)
            moved += 1
    return [letters[byte] for byte in range(256)]


def merges_of_words(space):
    """Returns merges that build every word from its left end and share short stems: [(left, right)] in order of rank."""
    merges, seen = [], set()
    for word in WORDS:
        text = space + word
        stem = text[0]
        for letter in text[1:]:
            if stem + letter not in seen:
                seen.add(stem + letter)
                merges.append((stem, letter))
            stem += letter
    return merges


def spm(config, pre):
    """Makes <unk>, <s> and </s> at the config's ids, bytes, letters, then merged pieces; the rest is unused."""
    size, bos, eos = config["vocab_size"], config["bos_token_id"], config["eos_token_id"]
    specials = ["<unk>", "<s>", "</s>"] if bos == 1 else ["<pad>", "<eos>", "<bos>", "<unk>"]
    tokens = [*specials, *(f"<0x{byte:02X}>" for byte in range(256))]
    types = [2 if token == "<unk>" else 3 for token in specials] + [6] * 256
    scores = [0.0] * len(tokens)
    # llama.cpp looks this token up in files with Phi-3 in their name.
    last = ["<|endoftext|>"] if config["model_type"] == "phi3" else []
    room = size - len(tokens) - len(last)
    # The letters of the words need ids too: keep the merges that fit.
    merges, letters = [], []
    for left, right in merges_of_words(SPM_SPACE):
        fresh = [part for part in dict.fromkeys((left, right)) if len(part) == 1 and part not in letters]
        if len(letters) + len(fresh) + len(merges) + 1 > room:
            break
        letters += fresh
        merges.append((left, right))
    pieces = letters + [left + right for left, right in merges]
    tokens += pieces
    types += [1] * len(pieces)
    # SentencePiece joins the pair with the highest score first; letters are never joined from other pieces.
    scores += [-float(len(merges) + place) for place in range(len(letters))]
    scores += [-float(rank) for rank in range(len(merges))]
    tokens += last
    types += [3] * len(last)
    scores += [0.0] * len(last)
    return finish("spm", pre, (tokens, types, scores, merges), (size, bos, eos, specials.index("<unk>")))


def bpe(config, pre):
    """Makes 256 bytes, merged tokens, and special tokens at the config's ids."""
    size, bos, eos = config["vocab_size"], config["bos_token_id"], config["eos_token_id"]
    letters = printable_bytes()
    merges = merges_of_words(letters[32])[: bos - 256]
    tokens = letters + [left + right for left, right in merges]
    types = [1] * len(tokens)
    while len(tokens) < bos:
        tokens.append(f"[PAD{len(tokens)}]")
        types.append(5)
    tokens += ["<|begin|>", "<|end|>"]
    types += [3, 3]
    scores = [0.0] * len(tokens)
    return finish("bpe", pre, (tokens, types, scores, merges), (size, bos, eos, None))


def finish(kind, pre, lists, places):
    tokens, types, scores, merges = lists
    size, bos, eos, unknown = places
    while len(tokens) < size:
        tokens.append(f"[PAD{len(tokens)}]")
        types.append(5)
        scores.append(-10000.0)
    assert len(tokens) == size and len(set(tokens)) == size, f"{len(tokens)} tokens for {size} places"
    return Vocabulary(kind, pre, tokens, types, scores, merges, bos, eos, unknown)


def make_vocabulary(variant):
    kind, pre = variant.vocabulary
    return {"spm": spm, "bpe": bpe}[kind](variant.config, pre)


def add_to_gguf(writer, vocabulary):
    """Adds the keys that the converter writes for each kind."""
    writer.add_tokenizer_model("llama" if vocabulary.kind == "spm" else "gpt2")
    writer.add_tokenizer_pre(vocabulary.pre)
    writer.add_token_list(vocabulary.tokens)
    if vocabulary.kind == "spm":
        writer.add_token_scores(vocabulary.scores)
    writer.add_token_types(vocabulary.types)
    if vocabulary.kind == "bpe":
        writer.add_token_merges([f"{left} {right}" for left, right in vocabulary.merges])
    writer.add_bos_token_id(vocabulary.bos)
    writer.add_eos_token_id(vocabulary.eos)
    if vocabulary.unknown is not None:
        writer.add_unk_token_id(vocabulary.unknown)
        writer.add_add_bos_token(True)
