"""The special parts of Gemma 4: shapes of its layers, and keys of its GGUF files. The facts are from transformers,
models/gemma4, and from llama.cpp's conversion/gemma.py (Gemma4Model), both read in November 2026.
"""

import math
import re

import numpy as np

SCALES = ("layer_scalar", "router.scale", "router.per_expert_scale")


def is_full(config, layer):
    return config["layer_types"][layer] == "full_attention"


def is_shared(config, layer):
    """Returns true if a layer reads the keys and values of an earlier layer."""
    return layer >= config["num_hidden_layers"] - config["num_kv_shared_layers"]


def heads_of(config, layer):
    """Returns the key-value heads and the head dimension of a layer."""
    full = is_full(config, layer)
    kv = config["num_key_value_heads"]
    if full and config["attention_k_eq_v"]:
        kv = config["num_global_key_value_heads"]
    return kv, config["global_head_dim" if full else "head_dim"]


def attention_shapes(config, layer):
    hidden = config["hidden_size"]
    kv, dim = heads_of(config, layer)
    query = config["num_attention_heads"] * dim
    shapes = {"q_proj.weight": (query, hidden), "q_norm.weight": (dim,), "o_proj.weight": (hidden, query)}
    # Published files have unread projections in layers that share a cache; so does one of the fixtures.
    if not is_shared(config, layer) or config["hidden_size_per_layer_input"] > 0:
        shapes |= {"k_proj.weight": (kv * dim, hidden), "k_norm.weight": (dim,)}
        if not (config["attention_k_eq_v"] and is_full(config, layer)):
            shapes["v_proj.weight"] = (kv * dim, hidden)
    return {f"self_attn.{name}": shape for name, shape in shapes.items()}


def feed_forward_shapes(config, layer):
    hidden, width = config["hidden_size"], config["intermediate_size"]
    if config["use_double_wide_mlp"] and is_shared(config, layer):
        width *= 2
    shapes = {
        "mlp.gate_proj.weight": (width, hidden),
        "mlp.up_proj.weight": (width, hidden),
        "mlp.down_proj.weight": (hidden, width),
        "layer_scalar": (1,),
    }
    inputs = config["hidden_size_per_layer_input"]
    if inputs > 0:
        shapes |= {
            "per_layer_input_gate.weight": (inputs, hidden),
            "per_layer_projection.weight": (hidden, inputs),
            "post_per_layer_input_norm.weight": (hidden,),
        }
    if config["enable_moe_block"]:
        experts, expert_width = config["num_experts"], config["moe_intermediate_size"]
        shapes |= {
            "router.proj.weight": (experts, hidden),
            "router.scale": (hidden,),
            "router.per_expert_scale": (experts,),
            "experts.gate_up_proj": (experts, 2 * expert_width, hidden),
            "experts.down_proj": (experts, hidden, expert_width),
            "post_feedforward_layernorm_1.weight": (hidden,),
            "post_feedforward_layernorm_2.weight": (hidden,),
            "pre_feedforward_layernorm_2.weight": (hidden,),
        }
    return shapes


def layer_input_shapes(config):
    inputs = config["hidden_size_per_layer_input"]
    if inputs == 0:
        return {}
    width = config["num_hidden_layers"] * inputs
    return {
        "model.embed_tokens_per_layer.weight": (config["vocab_size_per_layer_input"], width),
        "model.per_layer_model_projection.weight": (width, config["hidden_size"]),
        "model.per_layer_projection_norm.weight": (inputs,),
    }


def layer_input_deviation(name, inputs, config):
    if "embed_tokens" in name:
        # The model multiplies by the root of the width of one layer.
        return 1 / math.sqrt(config["hidden_size_per_layer_input"])
    return 1.25 / inputs


def scale_values(random, name, shape):
    """Returns scales that are exact in bf16, and so far from 1 that a test detects a reader that ignores them."""
    steps = np.clip(np.round(random.standard_normal(shape) * 2), -4, 4) / 16
    # The router divides by the root of the hidden size; without a larger scale it would choose at random.
    centre = {"layer_scalar": 0.75, "router.scale": 8.0, "router.per_expert_scale": 1.0}
    return next(value for end, value in centre.items() if name.endswith(end)) + steps


def gguf_name(name):
    """Returns the name that the converter gives a tensor before it uses the map of names; other names are unchanged."""
    scale = re.fullmatch(r"model\.layers\.(\d+)\.router\.(scale|per_expert_scale)", name)
    if scale is not None:
        matrix = "ffn_gate_inp" if scale[2] == "scale" else "ffn_down_exps"
        return f"blk.{scale[1]}.{matrix}.scale", True
    bare = name.endswith("layer_scalar") or ".experts." in name
    return (f"{name}.weight" if bare else name), False


def add_keys(writer, config):
    count = config["num_hidden_layers"]
    layers = [config["per_layer_config"].get(str(layer), {}) for layer in range(count)]
    sliding = [kind == "sliding_attention" for kind in config["layer_types"]]
    full_dim = next(layer["head_dim"] for layer in layers if "head_dim" in layer)
    writer.add_sliding_window(config["sliding_window"])
    writer.add_sliding_window_pattern(sliding)
    writer.add_shared_kv_layers(config["num_kv_shared_layers"])
    writer.add_embedding_length_per_layer_input(config["hidden_size_per_layer_input"])
    writer.add_key_length(full_dim)
    writer.add_value_length(full_dim)
    writer.add_key_length_swa(config["head_dim"])
    writer.add_value_length_swa(config["head_dim"])
    writer.add_rope_dimension_count(full_dim)
    writer.add_rope_dimension_count_swa(config["head_dim"])
    if config["final_logit_softcapping"] is not None:
        writer.add_final_logit_softcapping(config["final_logit_softcapping"])
    kv = config["num_key_value_heads"]
    heads = [layer.get("num_key_value_heads", kv) for layer in layers]
    writer.add_head_count_kv(kv if len(set(heads)) == 1 else heads)
    width = config["intermediate_size"]
    doubled = config["use_double_wide_mlp"]
    widths = [2 * width if doubled and is_shared(config, layer) else width for layer in range(count)]
    writer.add_feed_forward_length(width if len(set(widths)) == 1 else widths)
    if config["enable_moe_block"]:
        writer.add_expert_count(config["num_experts"])
        writer.add_expert_used_count(config["top_k_experts"])
        writer.add_expert_feed_forward_length(config["moe_intermediate_size"])
    rope = config["rope_parameters"]
    writer.add_rope_freq_base(rope["full_attention"]["rope_theta"])
    writer.add_rope_freq_base_swa(rope["sliding_attention"]["rope_theta"])


def rope_factors(config):
    """Returns the divisors of full layers: a huge number stops the pairs beyond the share that rotates."""
    dim = next(layer["head_dim"] for layer in config["per_layer_config"].values())
    turning = int(dim * config["rope_parameters"]["full_attention"]["partial_rotary_factor"] / 2)
    return np.array([1.0] * turning + [1e30] * (dim // 2 - turning), np.float32)
