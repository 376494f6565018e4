"""What a fixture is made from."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Variant:
    name: str
    config: dict
    # Seed of weights and prompts, chosen by hand so that greedy decoding is decided by clear margins.
    seed: int
    # Element type of model.safetensors.
    stored: str = "bfloat16"
    # GGUF files: element types of the matrices, first the one that every test reads.
    gguf: tuple = ("F32",)
    # Tokenizer of the stub vocabulary: `spm` (llama) or `bpe` (gpt2), and its pre-tokenizer.
    vocabulary: tuple = ("spm", "default")
    # Lengths of the prompts, the longest beyond any window.
    prompts: dict = field(default_factory=lambda: {"short": 7, "medium": 33, "long": 96})
    # Prompt that greedy decoding continues.
    greedy: str = "medium"
    # What the config means once it went through GGUF, where the format cannot say all of it.
    gguf_overrides: dict = field(default_factory=dict)
    # Trait -> config keys that switch it off.
    features: dict = field(default_factory=dict)
    # KV cache formats beside f16 to state logits for.
    kv_formats: tuple = ("f16",)
    # Whether the expected file states perplexity of the text, and in which GGUF files.
    perplexity: bool = False
    # False where the checkpoint is only shipped as GGUF.
    ships_checkpoint: bool = True


def without(config, *names):
    return {key: value for key, value in config.items() if key not in names}
