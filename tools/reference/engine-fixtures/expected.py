"""Makes expected.json and expected.safetensors of a fixture: prompts, and the answers that each of its files must give.

A `meaning` is one set of weights and one config: `hub` is the checkpoint and every GGUF file with equal contents, `gguf`
is a GGUF file whose format omits something, and `q4_0` and other types are the dequantised weights of such a file.
"""

import numpy as np
import torch
from checkpoint import special_tokens
from reference import Reference
from safetensors.torch import save_file

GREEDY_TOKENS = 64
# Below these limits, rounding differences between implementations could change the result.
MARGIN_MIN, ROUTER_GAP_MIN, FEATURE_CHANGE_MIN = 0.01, 5e-4, 0.05
# Least number of different tokens among 64, because a model that repeats itself tests little.
DIFFERENT_TOKENS_MIN = 16
ATTEMPTS = 200


def draw_prompts(variant, attempt):
    """Draws prompts that start with the beginning token; the other ids are any tokens but special tokens."""
    random = np.random.default_rng([variant.seed, attempt])
    config = variant.config
    special = special_tokens(config)
    allowed = [token for token in range(config["vocab_size"]) if token not in special]
    return {
        name: [config["bos_token_id"], *random.choice(allowed, length - 1).tolist()]
        for name, length in variant.prompts.items()
    }


def positions_of(length, window):
    """Chooses the rows to keep: all of a short prompt, else the ends, the middle, and both sides of block and window edges."""
    if length <= 8:
        return list(range(length))
    edges = [15, 16, length // 2, length - 1]
    if window is not None:
        edges += [window - 1, window, window + 1]
    return sorted({edge for edge in edges if edge < length})


def good_prompts(variant, references):
    """Finds the first prompts whose greedy continuations have clear margins, do not repeat themselves, and do not end."""
    special = set(special_tokens(variant.config))
    for attempt in range(ATTEMPTS):
        prompts = draw_prompts(variant, attempt)
        if all(continues(variant, reference, prompts, special) for reference in references):
            return prompts
    raise AssertionError(f"{variant.name}: no prompt in {ATTEMPTS} with clear margins: change its seed")


def continues(variant, reference, prompts, special):
    answers = []
    for kv in ("f32", *variant.kv_formats):
        if kv == "q8_0":
            continue
        reference.use_kv(kv)
        reference.router_gap = float("inf")
        for prompt in prompts.values():
            reference.logits(prompt)
        tokens, margin = reference.greedy(prompts[variant.greedy], GREEDY_TOKENS, MARGIN_MIN)
        clear = margin >= MARGIN_MIN and reference.router_gap >= ROUTER_GAP_MIN
        if not clear or special & set(tokens) or len(set(tokens)) < DIFFERENT_TOKENS_MIN:
            return False
        answers.append(tokens)
    return all(tokens == answers[0] for tokens in answers)


class Expectation:
    """Collects the answers of one fixture."""

    def __init__(self, variant, prompts):
        self.variant = variant
        self.prompts = prompts
        self.tensors = {}
        self.meanings = {}

    def _keep(self, name, rows):
        self.tensors[name] = rows.to(torch.float32).contiguous().clone()

    def add(self, name, files, reference):
        """Adds all answers of one meaning. Quantised files answer only the longest prompt."""
        whole = name in ("hub", "gguf")
        names = list(self.prompts) if whole else [list(self.prompts)[-1]]
        answers = {prompt: self._answer(f"{name}.{prompt}", prompt, reference) for prompt in names}
        reference.use_kv("f32")
        tokens, margin = reference.greedy(self.prompts[self.variant.greedy], GREEDY_TOKENS)
        self.meanings[name] = {
            "files": files,
            "prompts": answers,
            "greedy": {"prompt": self.variant.greedy, "tokens": tokens, "smallestMargin": round(margin, 6)},
            "perplexity": None,
        }

    def _answer(self, stem, prompt, reference):
        tokens = self.prompts[prompt]
        positions = positions_of(len(tokens), self.variant.config.get("sliding_window"))
        answer = {"positions": positions, "logits": {}, "hidden": {}}
        longest = prompt == list(self.prompts)[-1]
        for kv in ("f32", *(self.variant.kv_formats if longest else ())):
            reference.use_kv(kv)
            self._keep(f"{stem}.logits.kv-{kv}", reference.logits(tokens)[positions])
            answer["logits"][f"kv-{kv}"] = f"{stem}.logits.kv-{kv}"
        if longest and stem.startswith("hub."):
            reference.use_kv("f32")
            reference.logits(tokens)
            for name, rows in reference.hidden.items():
                self._keep(f"{stem}.hidden.{name}", rows[positions])
                answer["hidden"][name] = f"{stem}.hidden.{name}"
        return answer

    def add_perplexity(self, name, reference, tokens):
        losses = reference.losses(tokens)
        self.meanings[name]["perplexity"] = {
            "negativeLogLikelihood": float(losses.mean()),
            "losses": f"{name}.text.losses",
        }
        self._keep(f"{name}.text.losses", losses)

    def write(self, directory, facts):
        save_file(self.tensors, directory / "expected.safetensors")
        return {**facts, "prompts": self.prompts, "meanings": self.meanings}


def feature_changes(variant, weights, reference, prompts):
    """Measures how far the logits of the longest prompt move if one trait is switched off."""
    longest = list(prompts.values())[-1]
    reference.use_kv("f32")
    with_all = reference.logits(longest)
    changes = {}
    for name, overrides in variant.features.items():
        without = Reference({**variant.config, **overrides}, weights).logits(longest)
        changes[name] = round(float((without - with_all).abs().max()), 4)
        assert changes[name] >= FEATURE_CHANGE_MIN, f"{variant.name} does not notice its {name}: {changes[name]}"
    return changes
