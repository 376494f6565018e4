"""The reference: transformers in float32 on the CPU gives logits, hidden states, greedy tokens and log likelihoods.

Attention is the `eager` code of each model. For a cache in f16 or q8_0, the same code gets keys and values that are
rounded like such a cache rounds them; nothing else changes.
"""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from gguf import GGMLQuantizationType as Type
from gguf.quants import dequantize, quantize
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS, eager_mask
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS


def through_f16(values):
    return values.to(torch.float16).to(torch.float32)


def through_q8_0(values):
    """Rounds values through q8_0: blocks of 32 along the head, with a half as scale."""
    rows = quantize(values.contiguous().numpy(), Type.Q8_0)
    return torch.from_numpy(dequantize(rows, Type.Q8_0).astype(np.float32))


KV_ROUNDING = {"f16": through_f16, "q8_0": through_q8_0}


def register_kv_formats():
    for name, rounding in KV_ROUNDING.items():

        def attention(module, query, key, value, *rest, rounding=rounding, **named):
            eager = sys.modules[type(module).__module__].eager_attention_forward
            return eager(module, query, rounding(key), rounding(value), *rest, **named)

        ALL_ATTENTION_FUNCTIONS.register(f"eager_kv_{name}", attention)
        ALL_MASK_ATTENTION_FUNCTIONS.register(f"eager_kv_{name}", eager_mask)


register_kv_formats()


def complete_config(config):
    """Returns the config with the additions of transformers: defaults, rope_parameters, layer types."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.json").write_text(json.dumps(config))
        return AutoConfig.from_pretrained(folder).to_dict()


class Reference:
    """A model of transformers with hooks on the values that tests compare."""

    def __init__(self, config, weights):
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "config.json").write_text(json.dumps(config))
            tensors = {name: torch.from_numpy(values) for name, values in weights.items()}
            save_file(tensors, Path(folder) / "model.safetensors", metadata={"format": "pt"})
            self.model, info = AutoModelForCausalLM.from_pretrained(
                folder,
                dtype=torch.float32,
                attn_implementation="eager",
                experts_implementation="eager",
                output_loading_info=True,
            )
        for problem in ("missing_keys", "unexpected_keys", "mismatched_keys"):
            assert not info[problem], f"{problem}: {info[problem]}"
        self.model.eval()
        self.hidden = {}
        # Smallest distance between a router's last chosen and first rejected expert, over all tokens so far.
        self.router_gap = float("inf")
        self._watch()

    def _watch(self):
        inner = self.model.model
        inner.layers[0].register_forward_pre_hook(self._keeper("embedding"))
        for index, layer in enumerate(inner.layers):
            layer.register_forward_hook(self._keeper(str(index)))
        inner.norm.register_forward_hook(self._keeper("final-norm"))
        for module in self.model.modules():
            if type(module).__name__.endswith(("TopKRouter", "TextRouter")):
                module.register_forward_hook(self._note_router)

    def _keeper(self, name):
        def keep(_module, inputs, output=None):
            value = inputs if output is None else output
            self.hidden[name] = (value[0] if isinstance(value, tuple) else value).reshape(-1, value[0].shape[-1])

        return keep

    def _note_router(self, module, _inputs, output):
        ordered = output[0].sort(dim=-1, descending=True).values
        used = module.top_k if hasattr(module, "top_k") else module.config.top_k_experts
        gaps = ordered[:, used - 1] - ordered[:, used]
        self.router_gap = min(self.router_gap, float(gaps.min()))

    def use_kv(self, name):
        """Chooses the cache type: `f32` or a key of KV_ROUNDING."""
        self.model.set_attn_implementation("eager" if name == "f32" else f"eager_kv_{name}")

    @torch.no_grad()
    def logits(self, tokens):
        """Returns logits [tokens, vocabulary]; `hidden` keeps the hidden states of the same run, each [tokens, hidden]."""
        return self.model(torch.tensor([tokens]), use_cache=False).logits[0]

    def rounding_error(self, tokens):
        """Measures how far float32 is from float64 on these tokens: no float32 implementation can do better."""
        rounded = self.logits(tokens)
        self.model.double()
        exact = self.logits(tokens)
        self.model.float()
        return float((rounded - exact).abs().max())

    def greedy(self, tokens, count, margin_min=0):
        """Returns tokens, and the smallest lead of a chosen token over the next best; ends early if the lead is too small.

        Each step computes the whole sequence, so that no cache is involved.
        """
        tokens, margin = list(tokens), float("inf")
        start = len(tokens)
        for _ in range(count):
            best = self.logits(tokens)[-1].topk(2)
            margin = min(margin, float(best.values[0] - best.values[1]))
            tokens.append(int(best.indices[0]))
            if margin < margin_min:
                break
        return tokens[start:], margin

    def losses(self, tokens):
        """Returns the negative log likelihood of each token but the first, in nats."""
        logits = self.logits(tokens)[:-1].double()
        chosen = torch.tensor(tokens[1:])[:, None]
        return -torch.log_softmax(logits, dim=-1).gather(1, chosen)[:, 0]
