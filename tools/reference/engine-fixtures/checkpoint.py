"""Random checkpoints in the layout of the Hub: tensor names of a family, weights with a purpose, model.safetensors.

Weights are small integers times one scale per tensor, so that bf16, f16 and f32 hold the same numbers and git can
compress the files. Norms of a float32 checkpoint use all 24 bits, so that a test detects a reader that drops some. The
scales make attention prefer some tokens, keep the size of residuals, and give logits a standard deviation of 1 or 2.
"""

import json
import math

import gemma4
import numpy as np
import torch
from safetensors.torch import save_file

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def heads_of(config):
    heads, kv = config["num_attention_heads"], config["num_key_value_heads"]
    dim = config.get("head_dim") or config["hidden_size"] // heads
    return heads * dim, kv * dim, dim


def attention_shapes(config, layer):
    if config["model_type"] == "gemma4_text":
        return gemma4.attention_shapes(config, layer)
    hidden, kind = config["hidden_size"], config["model_type"]
    query, kv, dim = heads_of(config)
    if kind == "phi3":
        shapes = {"qkv_proj.weight": (query + 2 * kv, hidden)}
    else:
        shapes = {
            "q_proj.weight": (query, hidden),
            "k_proj.weight": (kv, hidden),
            "v_proj.weight": (kv, hidden),
        }
    shapes["o_proj.weight"] = (hidden, query)
    if kind == "qwen2" or config.get("attention_bias"):
        shapes |= {"q_proj.bias": (query,), "k_proj.bias": (kv,), "v_proj.bias": (kv,)}
    if config.get("attention_bias"):
        shapes["o_proj.bias"] = (hidden,)
    if kind in ("qwen3", "qwen3_moe", "gemma3_text"):
        shapes |= {"q_norm.weight": (dim,), "k_norm.weight": (dim,)}
    return {f"self_attn.{name}": shape for name, shape in shapes.items()}


def mlp_shapes(config, layer):
    hidden, kind = config["hidden_size"], config["model_type"]
    if kind == "gemma4_text":
        return gemma4.feed_forward_shapes(config, layer)
    if kind == "mixtral":
        width, experts = config["intermediate_size"], config["num_local_experts"]
        shapes = {"block_sparse_moe.gate.weight": (experts, hidden)}
        for expert in range(experts):
            prefix = f"block_sparse_moe.experts.{expert}"
            shapes[f"{prefix}.w1.weight"] = (width, hidden)
            shapes[f"{prefix}.w2.weight"] = (hidden, width)
            shapes[f"{prefix}.w3.weight"] = (width, hidden)
        return shapes
    if kind == "qwen3_moe":
        width, experts = config["moe_intermediate_size"], config["num_experts"]
        shapes = {"mlp.gate.weight": (experts, hidden)}
        for expert in range(experts):
            shapes |= gated_shapes(f"mlp.experts.{expert}", hidden, width)
        return shapes
    width = config["intermediate_size"]
    if kind == "phi3":
        return {"mlp.gate_up_proj.weight": (2 * width, hidden), "mlp.down_proj.weight": (hidden, width)}
    return gated_shapes("mlp", hidden, width)


def gated_shapes(prefix, hidden, width):
    return {
        f"{prefix}.gate_proj.weight": (width, hidden),
        f"{prefix}.up_proj.weight": (width, hidden),
        f"{prefix}.down_proj.weight": (hidden, width),
    }


def tensor_shapes(config):
    """Name -> shape, as the family's checkpoints have them."""
    hidden, vocab, kind = config["hidden_size"], config["vocab_size"], config["model_type"]
    norms = ["input_layernorm", "post_attention_layernorm"]
    if kind in ("gemma2", "gemma3_text", "gemma4_text"):
        norms += ["pre_feedforward_layernorm", "post_feedforward_layernorm"]
    shapes = {"model.embed_tokens.weight": (vocab, hidden)}
    for layer in range(config["num_hidden_layers"]):
        parts = {f"{norm}.weight": (hidden,) for norm in norms}
        parts |= attention_shapes(config, layer) | mlp_shapes(config, layer)
        shapes |= {f"model.layers.{layer}.{name}": shape for name, shape in parts.items()}
    shapes["model.norm.weight"] = (hidden,)
    # Gemma ties its head by default, and its configs do not state it.
    tied = config.get("tie_word_embeddings", is_gemma(config))
    if not tied:
        shapes["lm_head.weight"] = (vocab, hidden)
    if kind == "gemma4_text":
        shapes |= gemma4.layer_input_shapes(config)
    return shapes


def deviation(name, shape, config):
    """Returns the standard deviation of a matrix, by its part."""
    inputs = math.sqrt(shape[-1])
    if "per_layer" in name:
        return gemma4.layer_input_deviation(name, inputs, config)
    if "embed_tokens" in name or "lm_head" in name:
        # Gemma multiplies embeddings by the root of their width, so they would dominate the output of the layers.
        return (1 if is_gemma(config) else 2) / inputs
    if "q_proj" in name or "k_proj" in name or "qkv_proj" in name:
        return 1.25 / inputs
    if name.endswith(("mlp.gate.weight", "block_sparse_moe.gate.weight")):
        return 1.5 / inputs
    if "v_proj" in name:
        return 1 / inputs
    return 1.25 / inputs


def is_gemma(config):
    return config["model_type"].startswith("gemma")


def norm_weight(random, name, shape, config):
    """Returns weights near 1, and near 1.25 for queries and keys, so that attention is not flat.

    Gemma stores the difference from 1. Its norms after attention and feed-forward are 2.5, so that the layers add more
    than the embedding.
    """
    gemma = is_gemma(config)
    centre = 1.25 if name.endswith(("q_norm.weight", "k_norm.weight")) else 1.0
    if gemma and ".post_" in name:
        centre = 2.5
    offset = 1.0 if gemma else 0.0
    if config["model_type"] == "gemma4_text":
        # Gemma 4 stores the weights themselves, and does not divide scores by the root of the head dimension.
        centre, offset = 0.5 if "q_norm" in name or "k_norm" in name else centre, 0.0
    return centre - offset + np.clip(np.round(random.standard_normal(shape) * 3), -7, 7) / 16


def short_scale(value):
    """Returns the nearest number with four significant bits."""
    exponent = math.floor(math.log2(value)) - 3
    return round(value / 2**exponent) * 2**exponent


def make_weights(variant):
    """Returns name -> float32 array. Tensors are drawn in order, so a name that moves changes the file."""
    random = np.random.default_rng(variant.seed)
    weights = {}
    for name, shape in tensor_shapes(variant.config).items():
        if name.endswith(gemma4.SCALES):
            values = gemma4.scale_values(random, name, shape)
        elif name.endswith(("norm.weight", "norm_1.weight", "norm_2.weight")):
            values = norm_weight(random, name, shape, variant.config)
            if variant.stored == "float32":
                values = values + 0.05 * random.standard_normal(shape)
        elif not variant.ships_checkpoint:
            # The repository has only quantised files: they do not compress, and quantisation errors need real numbers.
            values = deviation(name, shape, variant.config) * random.standard_normal(shape)
        elif name.endswith(".bias"):
            values = np.clip(np.round(random.standard_normal(shape) * 3), -7, 7) / 8
        else:
            units = np.clip(np.round(random.standard_normal(shape) * 1.5), -3, 3)
            values = units * short_scale(deviation(name, shape, variant.config) / 1.5)
        if "embed_tokens" in name or "lm_head" in name:
            # Special tokens are made unlikely, so that greedy decoding does not end early.
            values[special_tokens(variant.config)] /= 4
        weights[name] = values.astype(np.float32)
    return weights


def special_tokens(config):
    bos, eos = config["bos_token_id"], config["eos_token_id"]
    return sorted({*range(min(bos, 3)), bos, eos})


def write_checkpoint(directory, config, weights, stored):
    directory.mkdir(parents=True, exist_ok=True)
    config = {**config, "torch_dtype": stored}
    (directory / "config.json").write_text(json.dumps(dict(sorted(config.items())), indent=2) + "\n")
    kind = DTYPES[stored]
    tensors = {name: torch.from_numpy(values).to(kind).contiguous() for name, values in weights.items()}
    for name, tensor in tensors.items():
        assert torch.equal(tensor.float(), torch.from_numpy(weights[name])), f"{name} is not exact in {stored}"
    save_file(tensors, directory / "model.safetensors", metadata={"format": "pt"})
