"""Writes a checkpoint as the GGUF file that llama.cpp's convert_hf_to_gguf.py would make.

Facts from https://github.com/ggml-org/llama.cpp, folder conversion/ (base.py, llama.py, qwen.py, gemma.py, phi.py), read in
November 2026: which keys are written, that q and k rows of Llama are permuted for interleaved rotation, that norms of Gemma
2 and 3 have 1 added, that experts are stacked, that vectors, norms and routers stay F32. Tensor names are the gguf package's own map.
"""

import math
import re

import gemma4
import numpy as np
import quantise
from gguf import GGMLQuantizationType as Type
from gguf import GGUFWriter, LlamaFileType, RopeScalingType, get_tensor_name_map
from gguf.constants import GGML_QUANT_VERSION, MODEL_ARCH, MODEL_ARCH_NAMES, GGUFType
from vocabulary import add_to_gguf

ARCHITECTURES = {
    "llama": MODEL_ARCH.LLAMA,
    "mistral": MODEL_ARCH.LLAMA,
    "mixtral": MODEL_ARCH.LLAMA,
    "qwen2": MODEL_ARCH.QWEN2,
    "qwen3": MODEL_ARCH.QWEN3,
    "qwen3_moe": MODEL_ARCH.QWEN3MOE,
    "gemma2": MODEL_ARCH.GEMMA2,
    "gemma3_text": MODEL_ARCH.GEMMA3,
    "gemma4_text": MODEL_ARCH.GEMMA4,
    "phi3": MODEL_ARCH.PHI3,
}
# The kinds whose q and k rows are permuted.
PERMUTED = ("llama", "mistral", "mixtral")
FILE_TYPES = {
    "F32": LlamaFileType.ALL_F32,
    "F16": LlamaFileType.MOSTLY_F16,
    "BF16": LlamaFileType.MOSTLY_BF16,
    "Q8_0": LlamaFileType.MOSTLY_Q8_0,
    "Q4_0": LlamaFileType.MOSTLY_Q4_0,
    "Q4_1": LlamaFileType.MOSTLY_Q4_1,
    "Q5_0": LlamaFileType.MOSTLY_Q5_0,
    "Q5_1": LlamaFileType.MOSTLY_Q5_1,
    "Q4_K": LlamaFileType.MOSTLY_Q4_K_M,
    "Q5_K": LlamaFileType.MOSTLY_Q5_K_M,
    "Q6_K": LlamaFileType.MOSTLY_Q6_K,
}


def permute(values, heads):
    """Permutes the rows (2, dim / 2) of each head to (dim / 2, 2), so that pairs (i, i + dim / 2) are adjacent."""
    rows = values.shape[0]
    split = values.reshape(heads, 2, rows // heads // 2, *values.shape[1:])
    return split.swapaxes(1, 2).reshape(values.shape)


def stacked_experts(weights):
    """Stacks one tensor per expert to one [experts, rows, columns] per layer and part, under the name in the map."""
    merged, stacks = {}, {}
    pattern = re.compile(r"(.*\.layers\.(\d+)\.(?:block_sparse_moe|mlp))\.experts\.(\d+)\.(\w+)\.weight")
    for name, values in weights.items():
        match = pattern.fullmatch(name)
        if match is None:
            merged[name] = values
            continue
        prefix, layer, _, part = match.groups()
        mixtral = prefix.endswith("block_sparse_moe")
        target = f"layers.{layer}.feed_forward" if mixtral else prefix
        stacks.setdefault(f"{target}.experts.{part}.weight", []).append(values)
    return merged | {name: np.stack(parts) for name, parts in stacks.items()}


def gguf_tensors(config, weights):
    """Returns GGUF name -> float32 array, as the converter has them before it chooses element types."""
    kind = config["model_type"]
    names = get_tensor_name_map(ARCHITECTURES[kind], config["num_hidden_layers"])
    tensors = {}
    for name, values in stacked_experts(weights).items():
        if kind in PERMUTED and name.endswith(("q_proj.weight", "q_proj.bias")):
            values = permute(values, config["num_attention_heads"])
        if kind in PERMUTED and name.endswith(("k_proj.weight", "k_proj.bias")):
            values = permute(values, config["num_key_value_heads"])
        if kind in ("gemma2", "gemma3_text") and name.endswith("norm.weight"):
            values = values + np.float32(1)
        if kind == "gemma4_text":
            name, is_final = gemma4.gguf_name(name)
            if is_final:
                tensors[name] = values
                continue
        tensors[names.get_name(name, try_suffixes=(".weight", ".bias"))] = values
    assert None not in tensors, f"a tensor of {kind} has no name in GGUF"
    return rope_tensors(config) | tensors


def rope_tensors(config):
    """Returns the factors that Llama 3.1 and LongRoPE files have as tensors. `config` is completed by transformers."""
    rope = config["rope_parameters"]
    if config["model_type"] == "gemma4_text":
        return {"rope_freqs.weight": gemma4.rope_factors(config)}
    if rope.get("rope_type") == "llama3":
        dim = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
        return {"rope_freqs.weight": llama_3_factors(rope, dim)}
    if "long_factor" in rope:
        return {
            "rope_factors_long.weight": np.array(rope["long_factor"], np.float32),
            "rope_factors_short.weight": np.array(rope["short_factor"], np.float32),
        }
    return {}


def llama_3_factors(rope, dim):
    factors = []
    # The converter looks for the original context outside rope_parameters and therefore always finds 8192.
    original = 8192
    for place in range(0, dim, 2):
        wave = 2 * math.pi * rope["rope_theta"] ** (place / dim)
        if wave < original / rope["high_freq_factor"]:
            factors.append(1.0)
        elif wave > original / rope["low_freq_factor"]:
            factors.append(rope["factor"])
        else:
            span = rope["high_freq_factor"] - rope["low_freq_factor"]
            smooth = (original / wave - rope["low_freq_factor"]) / span
            factors.append(1 / ((1 - smooth) / rope["factor"] + smooth))
    return np.array(factors, np.float32)


def element_type(name, shape, wanted):
    """Returns the type of one tensor in a file of type `wanted`, with the mixture of llama.cpp's K_M files."""
    if len(shape) <= 1 or re.search(r"_norm(_[12])?\.weight$", name) or "ffn_gate_inp" in name:
        return Type.F32
    if wanted in ("Q4_K", "Q5_K", "Q6_K"):
        if shape[-1] % 256 != 0:
            return Type.Q8_0
        half = name.startswith("blk.0.") and ("attn_v" in name or "ffn_down" in name)
        if half or name in ("token_embd.weight", "output.weight"):
            return Type.Q6_K
    return Type[wanted]


def add_sizes(writer, config):
    """Adds the keys that every architecture has."""
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    if config["model_type"] == "gemma4_text":
        # The layers differ, so the caller writes the other keys.
        return
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    if config.get("head_dim") is not None:
        writer.add_key_length(config["head_dim"])
        writer.add_value_length(config["head_dim"])


def add_rope(writer, config):
    every = config["rope_parameters"]
    rope = every.get("full_attention", every)
    if rope["rope_type"] == "linear":
        writer.add_rope_scaling_type(RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(rope["factor"])
    elif rope["rope_type"] == "yarn":
        writer.add_rope_scaling_type(RopeScalingType.YARN)
        writer.add_rope_scaling_factor(rope["factor"])
        writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
    writer.add_rope_freq_base(rope["rope_theta"])
    if "sliding_attention" in every:
        writer.add_rope_freq_base_swa(every["sliding_attention"]["rope_theta"])


def add_experts(writer, config):
    experts = config.get("num_local_experts") or config.get("num_experts")
    if experts is None:
        return
    writer.add_expert_count(experts)
    writer.add_expert_used_count(config["num_experts_per_tok"])
    if "moe_intermediate_size" in config:
        writer.add_expert_feed_forward_length(config["moe_intermediate_size"])


def add_llama(writer, config):
    add_rope(writer, config)
    add_experts(writer, config)
    writer.add_vocab_size(config["vocab_size"])
    share = config["hidden_size"] // config["num_attention_heads"]
    writer.add_rope_dimension_count(config.get("head_dim") or share)


def add_qwen(writer, config):
    add_rope(writer, config)
    add_experts(writer, config)


def add_gemma2(writer, config):
    # The file has no rotary base and no query scale, because readers know them.
    writer.add_attn_logit_softcapping(config["attn_logit_softcapping"])
    writer.add_final_logit_softcapping(config["final_logit_softcapping"])
    writer.add_sliding_window(config["sliding_window"])


def add_gemma3(writer, config):
    add_rope(writer, config)
    writer.add_sliding_window(config["sliding_window"])


def add_phi3(writer, config):
    rope = config["rope_parameters"]
    original = rope.get("original_max_position_embeddings", config["original_max_position_embeddings"])
    rotated = int(rope.get("partial_rotary_factor", 1.0) * config["hidden_size"])
    writer.add_rope_scaling_orig_ctx_len(original)
    writer.add_rope_dimension_count(rotated // config["num_attention_heads"])
    writer.add_rope_freq_base(rope["rope_theta"])
    # Zero means no window.
    writer.add_sliding_window(config["sliding_window"] or 0)
    if "long_factor" in rope:
        scale = config["max_position_embeddings"] / original
        writer.add_rope_scaling_attn_factors(math.sqrt(1 + math.log(scale) / math.log(original)))


ADDERS = {
    "llama": add_llama,
    "mistral": add_llama,
    "mixtral": add_llama,
    "qwen2": add_qwen,
    "qwen3": add_qwen,
    "qwen3_moe": add_qwen,
    "gemma2": add_gemma2,
    "gemma3_text": add_gemma3,
    "gemma4_text": gemma4.add_keys,
    "phi3": add_phi3,
}


def write_gguf(path, source, wanted):
    """Writes a GGUF file. `source`: name, config completed by transformers, weights by their names on the Hub, vocabulary.

    Returns the tensors as the file holds them, dequantised: GGUF name -> float32 array.
    """
    config = source["config"]
    kind = config["model_type"]
    writer = GGUFWriter(path, MODEL_ARCH_NAMES[ARCHITECTURES[kind]])
    writer.add_type(GGUFType.MODEL)
    writer.add_name(f"Random {source['name']}")
    add_sizes(writer, config)
    ADDERS[kind](writer, config)
    writer.add_file_type(FILE_TYPES[wanted])
    writer.add_quantization_version(GGML_QUANT_VERSION)
    add_to_gguf(writer, source["vocabulary"])
    held = {}
    for name, values in gguf_tensors(config, source["weights"]).items():
        values = np.ascontiguousarray(values, np.float32)
        chosen = element_type(name, values.shape, wanted)
        data = quantise.encode(values, chosen)
        held[name] = quantise.decode(data, chosen)
        writer.add_tensor(name, data, raw_dtype=chosen)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return held


def hub_weights(config, held, names):
    """Inverts `gguf_tensors` for models without experts: returns the values of a quantised file under the Hub's names."""
    kind = config["model_type"]
    renamed = get_tensor_name_map(ARCHITECTURES[kind], config["num_hidden_layers"])
    weights = {}
    for name in names:
        values = held[renamed.get_name(name, try_suffixes=(".weight", ".bias"))]
        if kind in PERMUTED and re.search(r"[qk]_proj\.(weight|bias)$", name):
            part = "num_attention_heads" if "q_proj" in name else "num_key_value_heads"
            values = unpermute(values, config[part])
        weights[name] = values
    return weights


def unpermute(values, heads):
    rows = values.shape[0]
    split = values.reshape(heads, rows // heads // 2, 2, *values.shape[1:])
    return np.ascontiguousarray(split.swapaxes(1, 2).reshape(values.shape))
