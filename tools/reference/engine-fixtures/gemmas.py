"""Fixtures of Gemma 2, 3 and 4."""

from variant import Variant, without


def gemma(**keys):
    return {
        "attention_bias": False,
        "attention_dropout": 0.0,
        "bos_token_id": 2,
        "eos_token_id": 1,
        "head_dim": 32,
        "hidden_activation": "gelu_pytorch_tanh",
        "hidden_size": 64,
        "initializer_range": 0.02,
        "intermediate_size": 96,
        "max_position_embeddings": 512,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "pad_token_id": 0,
        "rms_norm_eps": 1e-06,
        "rope_theta": 10000.0,
        "use_cache": True,
        "vocab_size": 320,
        **keys,
    }


GEMMAS = [
    Variant(
        name="gemma2",
        seed=10,
        config=gemma(
            architectures=["Gemma2ForCausalLM"],
            model_type="gemma2",
            attn_logit_softcapping=4.0,
            final_logit_softcapping=5.0,
            hidden_act="gelu_pytorch_tanh",
            num_hidden_layers=4,
            query_pre_attn_scalar=24,
            sliding_window=24,
        ),
        # GGUF has no key for this scale: llama.cpp scales by the head dimension, except in the 27B model.
        gguf_overrides={"query_pre_attn_scalar": 32},
        features={
            "sliding window": {"sliding_window": 512},
            "attention soft-cap": {"attn_logit_softcapping": None},
            "logit soft-cap": {"final_logit_softcapping": None},
        },
    ),
    Variant(
        name="gemma3",
        seed=11,
        gguf=("BF16",),
        config=gemma(
            architectures=["Gemma3ForCausalLM"],
            model_type="gemma3_text",
            intermediate_size=64,
            num_hidden_layers=7,
            num_key_value_heads=1,
            query_pre_attn_scalar=32,
            rope_local_base_freq=10000.0,
            rope_scaling={"factor": 8.0, "rope_type": "linear"},
            rope_theta=1000000.0,
            sliding_window=24,
            sliding_window_pattern=6,
        ),
        features={
            "sliding window": {"sliding_window": 512},
            "rope scaling": {"rope_scaling": None},
            "local rope base": {"rope_local_base_freq": 1000000.0},
            "full attention in layer 5": {"sliding_window_pattern": 1000},
        },
    ),
]


# Full layers have heads of twice the width, of which half the pairs rotate.
GEMMA_4_ROPE = {
    "full_attention": {"partial_rotary_factor": 0.5, "rope_theta": 1000000.0, "rope_type": "proportional"},
    "sliding_attention": {"rope_theta": 10000.0, "rope_type": "default"},
}


def gemma4(layers, **keys):
    return {
        **without(gemma(), "rope_theta"),
        "architectures": ["Gemma4ForCausalLM"],
        "model_type": "gemma4_text",
        "attention_k_eq_v": False,
        "enable_moe_block": False,
        "final_logit_softcapping": 5.0,
        "global_head_dim": 64,
        "hidden_size_per_layer_input": 0,
        "layer_types": [{"s": "sliding_attention", "f": "full_attention"}[kind] for kind in layers],
        "num_attention_heads": 2,
        "num_global_key_value_heads": None,
        "num_hidden_layers": len(layers),
        "num_key_value_heads": 1,
        "num_kv_shared_layers": 0,
        "rope_parameters": GEMMA_4_ROPE,
        "sliding_window": 24,
        "tie_word_embeddings": True,
        "use_double_wide_mlp": False,
        "vocab_size_per_layer_input": 320,
        **keys,
    }


def turned(full=None, sliding=None):
    """Returns rotary settings with some keys of one kind of layer changed."""
    return {
        "rope_parameters": {
            "full_attention": {**GEMMA_4_ROPE["full_attention"], **(full or {})},
            "sliding_attention": {**GEMMA_4_ROPE["sliding_attention"], **(sliding or {})},
        }
    }


GEMMA_4_FEATURES = {
    "sliding window": {"sliding_window": 512},
    "logit soft-cap": {"final_logit_softcapping": None},
    "pairs that stand still": turned(full={"partial_rotary_factor": 1.0}),
    "base of full layers": turned(full={"rope_theta": 10000.0}),
    "base of sliding layers": turned(sliding={"rope_theta": 1000000.0}),
}

GEMMAS_4 = [
    # Like E2B and E4B: an embedding per layer, and wider late layers without their own cache.
    Variant(
        name="gemma4-layer-inputs",
        seed=17,
        config=gemma4(
            "ssfsfssf",
            hidden_size_per_layer_input=32,
            intermediate_size=64,
            num_kv_shared_layers=3,
            use_double_wide_mlp=True,
        ),
        features=GEMMA_4_FEATURES,
    ),
    # Like 31B and 12B: values of full layers are their keys, which have fewer heads.
    Variant(
        name="gemma4-dense",
        seed=15,
        gguf=("BF16",),
        config=gemma4(
            "ssfsf",
            attention_k_eq_v=True,
            intermediate_size=64,
            num_global_key_value_heads=1,
            num_key_value_heads=2,
        ),
        features=GEMMA_4_FEATURES,
    ),
    # Like 26B-A4B: experts in addition to the dense part.
    Variant(
        name="gemma4-experts",
        seed=16,
        gguf=("F16",),
        config=gemma4(
            "ssf",
            attention_k_eq_v=True,
            enable_moe_block=True,
            intermediate_size=64,
            moe_intermediate_size=32,
            num_experts=4,
            num_global_key_value_heads=1,
            num_key_value_heads=2,
            top_k_experts=2,
        ),
        features={**GEMMA_4_FEATURES, "second expert": {"top_k_experts": 1}},
    ),
]
