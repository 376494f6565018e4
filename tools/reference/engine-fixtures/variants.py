"""The fixtures: the config.json of each as in checkpoints of its family, and the settings of its GGUF file.

Sizes are the smallest that still distinguish mistakes: some heads are wider than hidden / heads, some vocabularies are no
multiple of 8, and every row is a multiple of 32 so that it can be quantised. Each of `features` switches one trait of the
model off; the generator refuses a fixture whose logits do not change.
"""

from gemmas import GEMMAS, GEMMAS_4
from variant import Variant, without


def llama(**keys):
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "attention_bias": False,
        "attention_dropout": 0.0,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "hidden_act": "silu",
        "hidden_size": 64,
        "initializer_range": 0.02,
        "intermediate_size": 96,
        "max_position_embeddings": 512,
        "mlp_bias": False,
        "num_attention_heads": 4,
        "num_hidden_layers": 3,
        "num_key_value_heads": 2,
        "rms_norm_eps": 1e-05,
        "rope_theta": 10000.0,
        "tie_word_embeddings": False,
        "use_cache": True,
        "vocab_size": 320,
        **keys,
    }


LLAMA_3_SCALING = {
    "factor": 32.0,
    "high_freq_factor": 4.0,
    "low_freq_factor": 1.0,
    # Converters to GGUF assume 8192.
    "original_max_position_embeddings": 8192,
    "rope_type": "llama3",
}

LLAMAS = [
    Variant(
        name="llama-mha",
        seed=1,
        stored="float32",
        config=llama(num_key_value_heads=4, vocab_size=300),
    ),
    Variant(
        name="llama-3",
        seed=2,
        gguf=("F32", "F16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1"),
        vocabulary=("bpe", "llama-bpe"),
        kv_formats=("f16", "q8_0"),
        perplexity=True,
        features={"rope scaling": {"rope_scaling": None}},
        config=llama(
            bos_token_id=317,
            eos_token_id=318,
            head_dim=32,
            max_position_embeddings=16384,
            rope_scaling=LLAMA_3_SCALING,
            rope_theta=500000.0,
            tie_word_embeddings=True,
        ),
    ),
    Variant(
        name="llama-bias",
        seed=3,
        config=llama(attention_bias=True, rope_scaling={"type": "linear", "factor": 2.0}, vocab_size=317),
        features={"rope scaling": {"rope_scaling": None}},
    ),
    # Rows of 256 for the formats with blocks of 256; one layer, because such rows make large files.
    Variant(
        name="llama-k-quants",
        seed=4,
        gguf=("Q4_K", "Q5_K", "Q6_K"),
        vocabulary=("bpe", "llama-bpe"),
        perplexity=True,
        ships_checkpoint=False,
        config=llama(
            bos_token_id=317,
            eos_token_id=318,
            head_dim=32,
            hidden_size=256,
            intermediate_size=256,
            # The perplexity text has 550 tokens.
            max_position_embeddings=1024,
            num_attention_heads=2,
            num_hidden_layers=1,
            num_key_value_heads=1,
            rope_theta=500000.0,
            tie_word_embeddings=True,
        ),
    ),
]

MISTRAL = Variant(
    name="mistral",
    seed=5,
    config={
        **without(llama(), "attention_bias", "mlp_bias"),
        "architectures": ["MistralForCausalLM"],
        "model_type": "mistral",
        "head_dim": 16,
        "sliding_window": 24,
    },
    # The converter writes Mistral as plain llama, without a window.
    gguf_overrides={"sliding_window": None},
    features={"sliding window": {"sliding_window": None}},
)

MIXTRAL = Variant(
    name="mixtral",
    seed=6,
    gguf=("F16",),
    config={
        **without(llama(), "attention_bias", "mlp_bias"),
        "architectures": ["MixtralForCausalLM"],
        "model_type": "mixtral",
        "intermediate_size": 64,
        "num_experts_per_tok": 2,
        "num_local_experts": 4,
        "output_router_logits": False,
        "rope_theta": 1000000.0,
        "router_aux_loss_coef": 0.02,
        "sliding_window": None,
    },
    features={"second expert": {"num_experts_per_tok": 1}},
)


def qwen(kind, **keys):
    return {
        "architectures": [{"qwen2": "Qwen2ForCausalLM", "qwen3": "Qwen3ForCausalLM"}[kind]],
        "model_type": kind,
        "attention_dropout": 0.0,
        "bos_token_id": 317,
        "eos_token_id": 318,
        "hidden_act": "silu",
        "hidden_size": 64,
        "initializer_range": 0.02,
        "intermediate_size": 96,
        "max_position_embeddings": 512,
        "max_window_layers": 3,
        "num_attention_heads": 4,
        "num_hidden_layers": 3,
        "num_key_value_heads": 2,
        "rms_norm_eps": 1e-06,
        "rope_theta": 1000000.0,
        "sliding_window": None,
        "tie_word_embeddings": True,
        "use_cache": True,
        "use_sliding_window": False,
        "vocab_size": 320,
        **keys,
    }


YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 128}

QWENS = [
    Variant(name="qwen2", seed=7, vocabulary=("bpe", "qwen2"), config=qwen("qwen2")),
    Variant(
        name="qwen3",
        seed=8,
        stored="float16",
        gguf=("F16",),
        vocabulary=("bpe", "qwen2"),
        features={"rope scaling": {"rope_scaling": None}},
        config=qwen(
            "qwen3",
            attention_bias=False,
            head_dim=32,
            rope_scaling=YARN,
            rope_theta=10000.0,
            tie_word_embeddings=False,
        ),
    ),
    Variant(
        name="qwen3moe",
        seed=9,
        gguf=("F16",),
        vocabulary=("bpe", "qwen2"),
        features={"all experts but one": {"num_experts_per_tok": 1}},
        config={
            **qwen("qwen3", attention_bias=False, head_dim=32, num_key_value_heads=1),
            "architectures": ["Qwen3MoeForCausalLM"],
            "model_type": "qwen3_moe",
            "decoder_sparse_step": 1,
            "mlp_only_layers": [],
            "moe_intermediate_size": 32,
            "norm_topk_prob": True,
            "num_experts": 8,
            "num_experts_per_tok": 3,
            "output_router_logits": False,
            "router_aux_loss_coef": 0.001,
            "tie_word_embeddings": False,
        },
    ),
]


def phi(**keys):
    return {
        "architectures": ["Phi3ForCausalLM"],
        "model_type": "phi3",
        "attention_bias": False,
        "attention_dropout": 0.0,
        "bos_token_id": 1,
        "embd_pdrop": 0.0,
        "eos_token_id": 2,
        "hidden_act": "silu",
        "hidden_size": 64,
        "initializer_range": 0.02,
        "intermediate_size": 96,
        "max_position_embeddings": 512,
        "num_attention_heads": 2,
        "num_hidden_layers": 3,
        "num_key_value_heads": 1,
        "original_max_position_embeddings": 512,
        "pad_token_id": 0,
        "resid_pdrop": 0.0,
        "rms_norm_eps": 1e-05,
        "rope_scaling": None,
        "rope_theta": 10000.0,
        "sliding_window": 24,
        "tie_word_embeddings": False,
        "use_cache": True,
        "vocab_size": 320,
        **keys,
    }


# One factor per pair of rotated elements: head_dim x 0.75 / 2.
LONG_FACTORS = [1.0, 1.25, 1.5, 2.0, 2.75, 3.5, 4.5, 6.0, 7.5, 9.0, 11.0, 14.0]
SHORT_FACTORS = [1.0, 1.0, 1.05, 1.1, 1.15, 1.25, 1.35, 1.5, 1.65, 1.85, 2.1, 2.4]

PHIS = [
    Variant(
        name="phi3",
        seed=12,
        config=phi(),
        features={"sliding window": {"sliding_window": None}},
    ),
    Variant(
        name="phi3-longrope",
        seed=13,
        # The long factors apply to whole sequences beyond 128 positions, the short factors to shorter sequences.
        prompts={"short": 7, "medium": 33, "long": 160},
        config=phi(
            original_max_position_embeddings=128,
            partial_rotary_factor=0.75,
            rope_scaling={"long_factor": LONG_FACTORS, "short_factor": SHORT_FACTORS, "type": "longrope"},
            sliding_window=None,
            tie_word_embeddings=True,
        ),
        features={
            "rope scaling": {"rope_scaling": None},
            "long factors": {
                "rope_scaling": {
                    "long_factor": SHORT_FACTORS,
                    "short_factor": SHORT_FACTORS,
                    "type": "longrope",
                }
            },
        },
    ),
]

VARIANTS = [*LLAMAS, MISTRAL, MIXTRAL, *QWENS, *GEMMAS, *GEMMAS_4, *PHIS]
