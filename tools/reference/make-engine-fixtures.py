"""Writes fixtures/engine: small random models of every supported family, and their results in transformers in float32.

    python -m venv env
    env/bin/pip install torch==2.15.0 transformers==5.23.0 tokenizers==0.23.3 safetensors==0.8.0 gguf==0.19.0 numpy==2.4.6
    env/bin/python tools/reference/make-engine-fixtures.py [NAME ...]

Names limit the run to some fixtures (`ops` are the operations). The script downloads nothing and needs no GPU; all
fixtures take a few minutes on one core. fixtures/engine/README.md describes the files.
"""

import json
import shutil
import sys
from importlib.metadata import version
from pathlib import Path

PINNED = {
    "torch": "2.15.0",
    "transformers": "5.23.0",
    "tokenizers": "0.23.3",
    "safetensors": "0.8.0",
    "gguf": "0.19.0",
    "numpy": "2.4.6",
}
for package, wanted in PINNED.items():
    assert version(package) == wanted, f"these fixtures are made with {package} {wanted}, not {version(package)}"

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
TARGET = HERE.parents[1] / "fixtures" / "engine"
sys.path.insert(0, str(HERE / "engine-fixtures"))

import torch  # noqa: E402

torch.set_num_threads(1)

import operations  # noqa: E402
from checkpoint import make_weights, write_checkpoint  # noqa: E402
from converter import hub_weights, write_gguf  # noqa: E402
from expected import Expectation, feature_changes, good_prompts  # noqa: E402
from reference import Reference, complete_config  # noqa: E402
from tokenizer import text_tokens, write_tokenizer  # noqa: E402
from transformers import AutoConfig  # noqa: E402
from variants import VARIANTS  # noqa: E402
from vocabulary import make_vocabulary  # noqa: E402

PLAIN = ("F32", "F16", "BF16")


def main():
    wanted = sys.argv[1:]
    known = ["ops", *(variant.name for variant in VARIANTS)]
    for name in wanted:
        assert name in known, f"there is no fixture {name}; known: {', '.join(known)}"
    TARGET.mkdir(parents=True, exist_ok=True)
    if not wanted or "ops" in wanted:
        operations.write(TARGET / "ops")
    for variant in VARIANTS:
        if not wanted or variant.name in wanted:
            make(variant, TARGET / variant.name)


def make(variant, directory):
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    vocabulary = make_vocabulary(variant)
    weights = make_weights(variant)
    if variant.ships_checkpoint:
        checkpoint = directory / "checkpoint"
        write_checkpoint(checkpoint, variant.config, weights, variant.stored)
        write_tokenizer(checkpoint, vocabulary)
        # The config as this version of transformers writes it, with rope_parameters and layer_types.
        modern = AutoConfig.from_pretrained(checkpoint).to_dict()
        # The path of the file on this machine.
        modern.pop("_name_or_path", None)
        (directory / "config-modern.json").write_text(json.dumps(modern, indent=2, sort_keys=True) + "\n")

    hub = Reference(variant.config, weights)
    references = {"hub": hub}
    if variant.gguf_overrides:
        references["gguf"] = Reference({**variant.config, **variant.gguf_overrides}, weights)
    prompts = good_prompts(variant, references.values())
    expectation = Expectation(variant, prompts)

    config = complete_config(variant.config)
    source = {"name": variant.name, "config": config, "weights": weights, "vocabulary": vocabulary}
    files = ["checkpoint"] if variant.ships_checkpoint else []
    plain, quantised = [], {}
    for kind in variant.gguf:
        held = write_gguf(directory / f"{kind.lower()}.gguf", source, kind)
        if kind in PLAIN:
            plain.append(f"{kind.lower()}.gguf")
        else:
            quantised[kind.lower()] = Reference(variant.config, hub_weights(config, held, list(weights)))

    expectation.add("hub", files if variant.gguf_overrides else [*files, *plain], hub)
    if variant.gguf_overrides:
        expectation.add("gguf", plain, references["gguf"])
    for name, reference in quantised.items():
        expectation.add(name, [f"{name}.gguf"], reference)
    facts = {
        "madeWith": PINNED,
        "family": variant.config["model_type"],
        "changeWithout": feature_changes(variant, weights, hub, prompts),
        "textTokens": [],
        "roundingError": hub.rounding_error(list(prompts.values())[-1]),
    }
    if variant.perplexity:
        text = (TARGET / "perplexity.txt").read_text()
        tokens = text_tokens(vocabulary, text)
        for name, reference in {"hub": hub, **quantised}.items():
            reference.use_kv("f32")
            expectation.add_perplexity(name, reference, tokens)
        facts["textTokens"] = tokens
    record = expectation.write(directory, facts)
    (directory / "expected.json").write_text(json.dumps(record, separators=(",", ":")) + "\n")
    report(variant, record, expectation, hub)


def report(variant, record, expectation, hub):
    logits = next(iter(expectation.tensors.values()))
    margins = {name: meaning["greedy"]["smallestMargin"] for name, meaning in record["meanings"].items()}
    losses = {
        name: round(meaning["perplexity"]["negativeLogLikelihood"], 4)
        for name, meaning in record["meanings"].items()
        if meaning["perplexity"] is not None
    }
    deviation = round(float(logits.std()), 2)
    seen = {"logits": deviation, "margins": margins, "without": record["changeWithout"], "losses": losses}
    print(variant.name, {**seen, "rounding": record["roundingError"]})


main()
