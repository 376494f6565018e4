"""Makes small cases of single operations with torch, in float64 unless the operation only exists in transformers.

Inputs are float32 (keys and values of attention also f16 exactly), so that an implementation starts from the same numbers.
Arrays are base64 of little-endian float32 in row-major order, with their shape.
"""

import base64
import json
import math

import numpy as np
import torch
import torch.nn.functional as functional
from transformers import AutoConfig
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS
from variants import LONG_FACTORS, SHORT_FACTORS


def packed(values):
    array = values.detach().to(torch.float32).contiguous().numpy()
    return {"shape": list(array.shape), "float32": base64.b64encode(array.tobytes()).decode()}


def draw(random, *shape):
    return torch.from_numpy(random.standard_normal(shape).astype(np.float32))


def rope_config(head_dim, base, scaling, partial=1.0):
    config = {
        "model_type": "llama",
        "hidden_size": 2 * head_dim,
        "num_attention_heads": 2,
        "head_dim": head_dim,
        "max_position_embeddings": 2048,
        "rope_parameters": {"rope_type": "default", "rope_theta": base, "partial_rotary_factor": partial},
    }
    config["rope_parameters"] |= scaling
    return config


LLAMA_3 = {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 512}
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 256}
LONGROPE = {
    "rope_type": "longrope",
    "long_factor": LONG_FACTORS,
    "short_factor": SHORT_FACTORS,
    "original_max_position_embeddings": 256,
}
# Name, head dimension, base, scaling, share of the head that is rotated, positions.
ROPE_CASES = [
    ("plain", 32, 10000.0, {}, 1.0, [0, 1, 7, 100, 1000]),
    ("plain, half of the head", 64, 500000.0, {}, 0.5, [0, 3, 511]),
    ("linear", 32, 10000.0, {"rope_type": "linear", "factor": 8.0}, 1.0, [1, 64, 999]),
    ("llama3", 64, 500000.0, {"rope_type": "llama3", **LLAMA_3}, 1.0, [1, 300, 2000]),
    ("yarn", 32, 10000.0, YARN, 1.0, [1, 255, 1023]),
    ("yarn with its own ramp and attention factor", 64, 1000000.0,
     {**YARN, "beta_fast": 16.0, "beta_slow": 2.0, "attention_factor": 1.25}, 1.0, [1, 255, 1023]),
    ("longrope, short", 32, 10000.0, LONGROPE, 0.75, [1, 100, 255]),
    ("longrope, long", 32, 10000.0, LONGROPE, 0.75, [1, 300, 2000]),
]  # fmt: skip


def frequencies(case):
    """Returns [rotated / 2] radians per position and the factor on cosines and sines, from transformers in float32."""
    name, head_dim, base, scaling, partial, positions = case
    if "rope_type" not in scaling:
        rotated = int(head_dim * partial)
        return 1 / base ** (torch.arange(0, rotated, 2, dtype=torch.float64) / rotated), 1.0
    given = rope_config(head_dim, base, scaling, partial)
    config = AutoConfig.for_model(**given)
    length = max(positions) + 1
    inverse, factor = ROPE_INIT_FUNCTIONS[scaling["rope_type"]](config, "cpu", seq_len=length)
    return inverse.double(), factor


def rotate(values, table, pairs):
    """Rotates values [tokens, heads, dim] in float64 by a table [tokens, rotated / 2] of complex numbers."""
    rotated = 2 * table.shape[-1]
    turned, kept = values[..., :rotated], values[..., rotated:]
    if pairs == "interleaved":
        numbers = torch.view_as_complex(turned.reshape(*turned.shape[:-1], -1, 2).contiguous())
        answer = torch.view_as_real(numbers * table[:, None]).flatten(-2)
    else:
        numbers = torch.complex(turned[..., : rotated // 2].contiguous(), turned[..., rotated // 2 :].contiguous())
        product = numbers * table[:, None]
        answer = torch.cat([product.real, product.imag], dim=-1)
    return torch.cat([answer, kept], dim=-1)


def rope_cases(random):
    cases = []
    for case in ROPE_CASES:
        name, head_dim, base, scaling, partial, positions = case
        inverse, factor = frequencies(case)
        angles = torch.tensor(positions, dtype=torch.float64)[:, None] * inverse
        table = torch.polar(torch.full_like(angles, float(factor)), angles)
        values = draw(random, len(positions), 2, head_dim)
        cases.append(
            {
                "name": name,
                "headDim": head_dim,
                "rotaryDim": int(head_dim * partial),
                "base": base,
                "scaling": scaling,
                "contextLength": 2048,
                "positions": positions,
                "inverseFrequencies": packed(inverse),
                "magnitude": factor,
                "values": packed(values),
                "half": packed(rotate(values.double(), table, "half")),
                "interleaved": packed(rotate(values.double(), table, "interleaved")),
            }
        )
    return cases


def norm_cases(random):
    cases = []
    for rows, columns, epsilon, size in [(3, 64, 1e-5, 1.0), (2, 100, 1e-6, 30.0), (2, 32, 1e-5, 1e-3)]:
        values, weight = draw(random, rows, columns) * size, 1 + 0.3 * draw(random, columns)
        bias = draw(random, columns)
        wide = values.double()
        cases.append(
            {
                "epsilon": epsilon,
                "values": packed(values),
                "weight": packed(weight),
                "bias": packed(bias),
                "rmsNorm": packed(functional.rms_norm(wide, (columns,), weight.double(), epsilon)),
                # Gemma: the weight is the difference of the factor from 1.
                "rmsNormOffsetOne": packed(functional.rms_norm(wide, (columns,), 1 + weight.double(), epsilon)),
                "layerNorm": packed(functional.layer_norm(wide, (columns,), weight.double(), bias.double(), epsilon)),
            }
        )
    return cases


# Name, query heads, kv heads, head dimension, keys, queries (the last ones), window, soft-cap, scale (None = 1 / sqrt(dim)).
ATTENTION_CASES = [
    ("as many kv heads as query heads", 4, 4, 16, 9, 9, None, None, None),
    ("grouped queries", 4, 2, 32, 12, 12, None, None, None),
    ("one kv head, decoding", 8, 1, 64, 19, 1, None, None, None),
    ("sliding window", 4, 2, 16, 25, 25, 7, None, None),
    ("sliding window, decoding", 4, 2, 32, 37, 2, 16, None, None),
    ("soft-cap", 2, 1, 32, 17, 17, None, 3.0, None),
    ("soft-cap, window and a scale of its own", 6, 2, 32, 20, 5, 12, 4.0, 24**-0.5),
]


def attention_case(random, case):
    name, heads, kv_heads, dim, keys, queries, window, cap, scale = case
    scale = dim**-0.5 if scale is None else scale
    # Queries with a deviation of 2 make some keys much more important than others.
    query = 2 * draw(random, queries, heads, dim)
    key, value = (draw(random, keys, kv_heads, dim).half().float() for _ in range(2))
    group = heads // kv_heads
    wide_key, wide_value = (part.double().repeat_interleave(group, dim=1) for part in (key, value))
    scores = torch.einsum("qhd,khd->hqk", query.double(), wide_key) * scale
    if cap is not None:
        scores = cap * torch.tanh(scores / cap)
    place = torch.arange(keys - queries, keys)[:, None]
    other = torch.arange(keys)[None]
    seen = other <= place
    if window is not None:
        seen &= other > place - window
    scores = scores.masked_fill(~seen, -math.inf)
    output = torch.einsum("hqk,khd->qhd", torch.softmax(scores, dim=-1), wide_value)
    if cap is None:
        check_attention((query, key, value), seen, scale, output)
    return {
        "name": name,
        "heads": heads,
        "kvHeads": kv_heads,
        "headDim": dim,
        "window": window,
        "softCap": cap,
        "scale": scale,
        "firstPosition": keys - queries,
        "queries": packed(query),
        "keys": packed(key),
        "values": packed(value),
        "output": packed(output),
    }


def check_attention(parts, seen, scale, output):
    """Checks the output with torch's own attention, if torch has the operation."""
    query, key, value = (part.double().transpose(0, 1)[None] for part in parts)
    theirs = functional.scaled_dot_product_attention(
        query, key, value, attn_mask=seen[None, None], scale=scale, enable_gqa=True
    )
    assert torch.allclose(theirs[0].transpose(0, 1), output, atol=1e-12)


def gated_cases(random):
    gate, up = 3 * draw(random, 4, 48), draw(random, 4, 48)
    gate[0, :6] = torch.tensor([0.0, -0.0, 30.0, -30.0, 100.0, -100.0])
    wide, other = gate.double(), up.double()
    return [
        {"activation": "silu", "gate": packed(gate), "up": packed(up), "output": packed(functional.silu(wide) * other)},
        {
            "activation": "gelu",
            "gate": packed(gate),
            "up": packed(up),
            "output": packed(functional.gelu(wide, approximate="tanh") * other),
        },
    ]


def expert_cases(random):
    """Makes cases of the choice of experts: the largest router logits; weights from a softmax over all, or renormalised."""
    logits = 2 * draw(random, 5, 8)
    chances = torch.softmax(logits.double(), dim=-1)
    weights, experts = torch.topk(chances, 3, dim=-1)
    renormalised = weights / weights.sum(dim=-1, keepdim=True)
    return [
        {
            "expertsPerToken": 3,
            "logits": packed(logits),
            "experts": experts.tolist(),
            "weights": packed(weights),
            "weightsRenormalised": packed(renormalised),
        }
    ]


def write(directory):
    directory.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(20240817)
    cases = {
        "rope": rope_cases(random),
        "norm": norm_cases(random),
        "attention": [attention_case(random, case) for case in ATTENTION_CASES],
        "gated": gated_cases(random),
        "experts": expert_cases(random),
    }
    for name, answers in cases.items():
        (directory / f"{name}.json").write_text(json.dumps({"cases": answers}, indent=1) + "\n")
