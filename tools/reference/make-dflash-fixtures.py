"""Writes fixtures/training/dflash.json: losses, metrics and gradients of DFlash and Domino, and weights after steps of
AdamW, as PyTorch computes them in double precision with a full mask.

    python -m venv env && env/bin/pip install torch==2.15.0
    env/bin/python tools/reference/make-dflash-fixtures.py

Weights, features and tokens are formulas of their index, so that the fixture holds results alone. The tests read the
formulas from packages/drafts/src/algorithms/dflash/dflash.test-data.ts.
"""

import json
from pathlib import Path

import torch
import torch.nn.functional as F

PINNED = "2.15.0"
assert torch.__version__.split("+")[0] == PINNED, f"this fixture is made with torch {PINNED}"
torch.set_default_dtype(torch.float64)

H, LAYERS, HEADS, KV, D, INTER, V = 16, 3, 4, 2, 8, 24, 37
GRU, RANK = 10, 6
EPS, BASE, B, T, MASK = 1e-5, 10000.0, 2, 13, 36
LENGTHS, ANCHORS = [13, 9], [[0, 3, 9], [2, 6]]
SAMPLE_EVERY = 29


def wave(rows, columns, number, size):
    i = torch.arange(rows * columns, dtype=torch.float64)
    values = size * torch.sin(1.7 * i + number) * torch.cos(0.31 * i * number + 0.5)
    return values.to(torch.float32).to(torch.float64).reshape(rows, columns)


def shapes(flags):
    layer = [
        ("input_layernorm.weight", 1, H),
        ("self_attn.q_proj.weight", HEADS * D, H),
        ("self_attn.k_proj.weight", KV * D, H),
        ("self_attn.v_proj.weight", KV * D, H),
        ("self_attn.o_proj.weight", H, HEADS * D),
        ("self_attn.q_norm.weight", 1, D),
        ("self_attn.k_norm.weight", 1, D),
        ("post_attention_layernorm.weight", 1, H),
        ("mlp.gate_proj.weight", INTER, H),
        ("mlp.up_proj.weight", INTER, H),
        ("mlp.down_proj.weight", H, INTER),
    ]
    all_shapes = [("fc.weight", H, LAYERS * H), ("hidden_norm.weight", 1, H), ("norm.weight", 1, H)]
    for number in range(len(flags["layerWindows"])):
        all_shapes += [(f"layers.{number}.{key}", rows, columns) for key, rows, columns in layer]
    if "head" in flags:
        all_shapes += [
            ("prefix_gru.weight_ih_l0", 3 * GRU, H),
            ("prefix_gru.weight_hh_l0", 3 * GRU, GRU),
            ("embed_proj.0.weight", RANK, H + GRU),
            ("embed_proj.2.weight", V, RANK),
        ]
    return all_shapes


def norm(x, weight):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + EPS) * weight.reshape(-1)


def turn(x, positions):
    half = D // 2
    inverse = BASE ** (-torch.arange(half, dtype=torch.float64) * 2 / D)
    angles = positions[:, :, None] * inverse
    # The table of the program is f32.
    cos, sin = angles.cos().float().double()[:, :, None, :], angles.sin().float().double()[:, :, None, :]
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)


def visible(anchors, block, window):
    """[B, queries, keys]: context before the anchor, own block; padded blocks see themselves."""
    blocks = max(len(row) for row in anchors)
    allowed = torch.zeros(B, blocks * block, T + blocks * block, dtype=torch.bool)
    for b, row in enumerate(anchors):
        for n in range(blocks):
            anchor = row[n] if n < len(row) else 0
            for k in range(block):
                start = 0 if window is None else max(0, anchor + k - (window - 1))
                allowed[b, n * block + k, start:anchor] = True
                last = block if window is None else k + 1
                allowed[b, n * block + k, T + n * block : T + n * block + last] = True
    return allowed


def backbone(w, flags, features, ids):
    block, windows = flags["blockSize"], flags["layerWindows"]
    blocks = max(len(row) for row in ANCHORS)
    anchors = torch.tensor([row + [0] * (blocks - len(row)) for row in ANCHORS])
    noise = torch.full((B, blocks, block), MASK)
    noise[:, :, 0] = torch.gather(ids, 1, anchors)
    x = EMBEDDING[noise.reshape(B, -1)]
    positions = (anchors[:, :, None] + torch.arange(block)).reshape(B, -1).double()
    context = norm(features @ w["fc.weight"].T, w["hidden_norm.weight"])
    key_positions = torch.cat([torch.arange(T).double().expand(B, T), positions], 1)
    for number, window in enumerate(windows):
        p = f"layers.{number}."
        normed = norm(x, w[p + "input_layernorm.weight"])
        both = torch.cat([context, normed], 1)
        q = (normed @ w[p + "self_attn.q_proj.weight"].T).reshape(B, -1, HEADS, D)
        k = (both @ w[p + "self_attn.k_proj.weight"].T).reshape(B, -1, KV, D)
        v = (both @ w[p + "self_attn.v_proj.weight"].T).reshape(B, -1, KV, D)
        q = turn(norm(q, w[p + "self_attn.q_norm.weight"]), positions).transpose(1, 2)
        k = turn(norm(k, w[p + "self_attn.k_norm.weight"]), key_positions)
        k = k.repeat_interleave(HEADS // KV, 2).transpose(1, 2)
        v = v.repeat_interleave(HEADS // KV, 2).transpose(1, 2)
        scores = q @ k.transpose(-1, -2) * D**-0.5
        scores = scores.masked_fill(~visible(ANCHORS, block, window)[:, None], float("-inf"))
        attended = (scores.softmax(-1) @ v).transpose(1, 2).reshape(B, -1, HEADS * D)
        x = x + attended @ w[p + "self_attn.o_proj.weight"].T
        m = norm(x, w[p + "post_attention_layernorm.weight"])
        gate = F.silu(m @ w[p + "mlp.gate_proj.weight"].T)
        x = x + (gate * (m @ w[p + "mlp.up_proj.weight"].T)) @ w[p + "mlp.down_proj.weight"].T
    return norm(x, w["norm.weight"]).reshape(B, blocks, block, H), anchors


def labels_of(flags, ids, mask, anchors):
    """Labels and their masks, [B, blocks, block]."""
    block = flags["blockSize"]
    shift = flags.get("head", {}).get("shiftLabel", False)
    indices = anchors[:, :, None] + torch.arange(block) + int(shift)
    inside = indices < T
    safe = indices.clamp(max=T - 1)
    labels = torch.stack([ids[b][safe[b]] for b in range(B)])
    m = torch.stack([mask[b][safe[b]] for b in range(B)]).double() * inside
    keep = torch.tensor([[n < len(row) for n in range(anchors.shape[1])] for row in ANCHORS])
    m = m * keep[:, :, None]
    if not shift:
        m[:, :, 0] = 0
    return labels, m


def decay(flags):
    gamma = flags["gamma"]
    first = 0 if flags.get("head", {}).get("shiftLabel", False) else 1
    if gamma <= 0:
        return torch.ones(flags["blockSize"])
    return torch.exp(-(torch.arange(flags["blockSize"]) - first).clamp(min=0) / gamma)


def accept_length(correct, valid):
    prefix = (correct | ~valid).long().cumprod(2) * valid.long()
    used = valid.any(2)
    return ((prefix.sum(2) + 1) * used).sum().item() / used.sum().item()


def dflash(w, flags, features, ids, mask):
    hidden, anchors = backbone(w, flags, features, ids)
    labels, m = labels_of(flags, ids, mask, anchors)
    logits = hidden @ HEAD.T
    cross = F.cross_entropy(logits.reshape(-1, V), labels.reshape(-1), reduction="none").reshape(labels.shape)
    correct = (logits.argmax(-1) == labels) & (m > 0)
    kind = flags["loss"]["kind"]
    if kind == "dflash":
        weights = m * decay(flags)
        total = (cross * weights).sum() / weights.sum()
    else:
        q = torch.exp(-cross.detach())
        alpha = flags["loss"]["alpha"]
        smooth = torch.where(m > 0, (1 - alpha) * q + alpha, torch.ones_like(q))
        prefix = smooth.cumprod(-1)
        suffix = (prefix * m).flip(-1).cumsum(-1).flip(-1)
        factor = {
            "dpace": suffix,
            "dpace-cumulative-confidence-only": prefix,
            "dpace-continuation-value-only": suffix / prefix,
        }[kind]
        total = (cross * m * factor).sum() / B
    metrics = {"accuracy": correct.sum().item() / m.sum().item(), "acceptLength": accept_length(correct, m > 0)}
    return total, metrics


def domino(w, flags, features, ids, mask):
    hidden, anchors = backbone(w, flags, features, ids)
    labels, m = labels_of(flags, ids, mask, anchors)
    block, head = flags["blockSize"], flags["head"]
    shift = head["shiftLabel"]
    start = head["purePrefix"] + (0 if shift else 1)
    base = hidden @ HEAD.T
    gru = torch.nn.GRU(H, GRU, 1, batch_first=True, bias=False)
    indices = (anchors[:, :, None] + torch.arange(block)).clamp(max=T - 1)
    previous = torch.stack([ids[b][indices[b]] for b in range(B)])
    inputs = EMBEDDING[previous].reshape(-1, block, H)
    if not shift:
        inputs = inputs[:, :-1]
    weights = {"weight_ih_l0": w["prefix_gru.weight_ih_l0"], "weight_hh_l0": w["prefix_gru.weight_hh_l0"]}
    states = torch.func.functional_call(gru, weights, (inputs,))[0].reshape(B, -1, inputs.shape[1], GRU)
    states = states[:, :, start if shift else start - 1 :]
    z = torch.cat([hidden[:, :, start:], states], -1) @ w["embed_proj.0.weight"].T
    final = torch.cat([base[:, :, :start], base[:, :, start:] + F.silu(z) @ w["embed_proj.2.weight"].T], 2)
    decayed = m * decay(flags)

    def loss_of(logits):
        cross = F.cross_entropy(logits.reshape(-1, V), labels.reshape(-1), reduction="none").reshape(labels.shape)
        return (cross * decayed).sum() / decayed.sum()

    share = flags["baseShare"]
    final_loss, base_loss = loss_of(final), loss_of(base)
    correct = (final.argmax(-1) == labels) & (m > 0)
    base_correct = (base.argmax(-1) == labels) & (m > 0)
    metrics = {
        "finalLoss": final_loss.item(),
        "baseLoss": base_loss.item(),
        "accuracy": correct.sum().item() / m.sum().item(),
        "baseAccuracy": base_correct.sum().item() / m.sum().item(),
        "acceptLength": accept_length(correct, m > 0),
        "baseAcceptLength": accept_length(base_correct, m > 0),
    }
    return (1 - share) * final_loss + share * base_loss, metrics


EMBEDDING, HEAD = wave(V, H, 31, 0.8), wave(V, H, 32, 1.5)


def case(name, forward, flags, steps):
    w = {}
    for number, (key, rows, columns) in enumerate(shapes(flags)):
        base, size = (1.0, 0.2) if rows == 1 else (0.0, 0.5)
        w[key] = (base + wave(rows, columns, number + 1, size)).float().double().clone().requires_grad_(True)
    features = torch.stack([wave(T, LAYERS * H, 61 + b, 1.0) for b in range(B)])
    ids = torch.tensor([[(7 * i + 11 * b + 3) % (V - 1) for i in range(T)] for b in range(B)])
    mask = torch.tensor([[1 if (i + b) % 5 != 2 else 0 for i in range(T)] for b in range(B)])
    for b, length in enumerate(LENGTHS):
        features[b, length:] = 0
        ids[b, length:] = 0
        mask[b, length:] = 0
    optimizer = torch.optim.AdamW(w.values(), lr=1e-2, weight_decay=0.1)
    record = {"name": name, **flags, "steps": []}
    for step in range(steps):
        optimizer.zero_grad()
        total, metrics = forward(w, flags, features, ids, mask)
        total.backward()
        gradients = {key: value.grad.flatten()[::SAMPLE_EVERY].tolist() for key, value in w.items()}
        largest = {key: value.grad.abs().max().item() for key, value in w.items()}
        grad_norm = torch.nn.utils.clip_grad_norm_(w.values(), 0.5).item()
        optimizer.step()
        entry = {"loss": total.item(), "metrics": metrics, "gradientNorm": grad_norm}
        if step == 0:
            entry |= {"gradients": gradients, "largest": largest}
        record["steps"].append(entry)
    record["weights"] = {key: value.detach().flatten()[::SAMPLE_EVERY].tolist() for key, value in w.items()}
    return record


plain = {"blockSize": 4, "layerWindows": [None, None], "gamma": 0}
dpace = [
    case(kind, dflash, {**plain, "loss": {"kind": kind, "alpha": alpha}}, 1)
    for kind, alpha in [
        ("dpace", 0.5),
        ("dpace-cumulative-confidence-only", 0.3),
        ("dpace-continuation-value-only", 0.5),
    ]
]
dflash_cases = [
    case("DFlash", dflash, {**plain, "gamma": 3, "loss": {"kind": "dflash"}}, 3),
    case("windows", dflash, {**plain, "layerWindows": [5, None], "loss": {"kind": "dflash"}}, 1),
    *dpace,
]
shifted = {"shiftLabel": True, "purePrefix": 0}
unshifted = {"shiftLabel": False, "purePrefix": 1}
domino_cases = [
    case("shifted labels", domino, {**plain, "gamma": 3, "head": shifted, "baseShare": 0.6}, 3),
    case("labels in place", domino, {**plain, "gamma": 2, "head": unshifted, "baseShare": 0.25}, 1),
]


def rounded(value):
    if isinstance(value, float):
        return float(f"{value:.9g}")
    if isinstance(value, list):
        return [rounded(item) for item in value]
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    return value


path = Path(__file__).resolve().parents[2] / "fixtures" / "training" / "dflash.json"
path.parent.mkdir(parents=True, exist_ok=True)
content = {"torch": PINNED, "sampleEvery": SAMPLE_EVERY, "dflash": dflash_cases, "domino": domino_cases}
path.write_text(json.dumps(rounded(content)) + "\n")
