"""The description from which a fixture is made."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Variant:
    name: str
    config: dict
    # Seed of weights and prompts, chosen by hand so that greedy decoding has clear margins.
    seed: int
    # Element type of model.safetensors.
    stored: str = "bfloat16"
    # GGUF files: element types of the matrices; every test reads the first.
    gguf: tuple = ("F32",)
    # Tokenizer of the stub vocabulary: `spm` (llama) or `bpe` (gpt2), and its pre-tokenizer.
    vocabulary: tuple = ("spm", "default")
    # Lengths of the prompts, the longest beyond any window.
    prompts: dict = field(default_factory=lambda: {"short": 7, "medium": 33, "long": 96})
    # Prompt that greedy decoding continues.
    greedy: str = "medium"
    # Changes of the config after a round trip through GGUF, which cannot express all of it.
    gguf_overrides: dict = field(default_factory=dict)
    # Trait -> config keys that switch it off.
    features: dict = field(default_factory=dict)
    # KV cache formats besides f32 for which the expected file has logits.
    kv_formats: tuple = ("f16",)
    # True if the expected file has the perplexity of the text.
    perplexity: bool = False
    # False if the repository has the checkpoint only as GGUF.
    ships_checkpoint: bool = True


def without(config, *names):
    return {key: value for key, value in config.items() if key not in names}
