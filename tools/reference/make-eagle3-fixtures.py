"""Writes fixtures/training/eagle3.json: losses, metrics and gradients of EAGLE3's test-time training, and weights after
steps of AdamW, as PyTorch computes them in double precision.

    python -m venv env && env/bin/pip install torch==2.15.0
    env/bin/python tools/reference/make-eagle3-fixtures.py

Weights, features and tokens are formulas of their index, so that the fixture holds results alone. The test reads the
formulas from packages/drafts/src/algorithms/eagle3/eagle3.test-data.ts.
"""

import json
from pathlib import Path

import torch
import torch.nn.functional as F

PINNED = "2.15.0"
assert torch.__version__.split("+")[0] == PINNED, f"this fixture is made with torch {PINNED}"
torch.set_default_dtype(torch.float64)

H, HT, LAYERS, HEADS, KV, D, INTER, V, VD = 16, 12, 3, 4, 2, 8, 24, 37, 20
EPS, BASE, B, T = 1e-5, 10000.0, 2, 9
LENGTHS = [9, 6]
DRAFT_IDS = [1, 2, 3, 5, 7, 8, 11, 12, 13, 15, 17, 19, 20, 22, 25, 26, 28, 30, 33, 36]
SAMPLE_EVERY = 11


def wave(rows, columns, number, size):
    i = torch.arange(rows * columns, dtype=torch.float64)
    values = size * torch.sin(1.7 * i + number) * torch.cos(0.31 * i * number + 0.5)
    return values.to(torch.float32).to(torch.float64).reshape(rows, columns)


SHAPES = [
    ("fc.weight", H, LAYERS * HT),
    ("midlayer.input_layernorm.weight", 1, H),
    ("midlayer.hidden_norm.weight", 1, H),
    ("midlayer.self_attn.q_proj.weight", HEADS * D, 2 * H),
    ("midlayer.self_attn.k_proj.weight", KV * D, 2 * H),
    ("midlayer.self_attn.v_proj.weight", KV * D, 2 * H),
    ("midlayer.self_attn.o_proj.weight", H, HEADS * D),
    ("midlayer.post_attention_layernorm.weight", 1, H),
    ("midlayer.mlp.gate_proj.weight", INTER, H),
    ("midlayer.mlp.up_proj.weight", INTER, H),
    ("midlayer.mlp.down_proj.weight", H, INTER),
    ("norm.weight", 1, H),
    ("lm_head.weight", VD, H),
    ("fc_norm.0.weight", 1, HT),
    ("fc_norm.1.weight", 1, HT),
    ("fc_norm.2.weight", 1, HT),
]


def norm(x, weight):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + EPS) * weight.reshape(-1)


def turn(x, positions):
    half = D // 2
    inverse = BASE ** (-torch.arange(half, dtype=torch.float64) * 2 / D)
    angles = positions[:, None] * inverse[None, :]
    # The table of the program is f32.
    cos, sin = angles.cos().float().double()[None, :, None, :], angles.sin().float().double()[None, :, None, :]
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)


def left(x, count):
    """Moves positions left by `count` and fills with zeros."""
    moved = torch.zeros_like(x)
    if count < x.shape[1]:
        moved[:, : x.shape[1] - count] = x[:, count:]
    return moved


def forward(w, flags, features, ids, teacher_hidden, mask, embedding, target_head, ttt):
    z = teacher_hidden @ target_head.T
    draft = torch.tensor(DRAFT_IDS)
    drafted = torch.zeros(V, dtype=torch.bool)
    drafted[draft] = True
    y = z.argmax(-1)
    p = z[..., draft].softmax(-1)
    true_p = (z[..., draft] - z.logsumexp(-1, keepdim=True)).exp()
    covered = drafted[y] & (mask == 1)
    parts = features
    if flags["normLayers"]:
        parts = torch.cat(
            [norm(features[..., l * HT : (l + 1) * HT], w[f"fc_norm.{l}.weight"]) for l in range(LAYERS)], dim=-1
        )
    hidden = parts @ w["fc.weight"].T
    keys, values, total, results = [], [], 0.0, []
    for k in range(ttt):
        e = embedding[left(ids, k)]
        x = torch.cat([norm(e, w["midlayer.input_layernorm.weight"]), norm(hidden, w["midlayer.hidden_norm.weight"])], -1)
        positions = torch.arange(T, dtype=torch.float64) + k
        q = turn((x @ w["midlayer.self_attn.q_proj.weight"].T).reshape(B, T, HEADS, D), positions)
        key = turn((x @ w["midlayer.self_attn.k_proj.weight"].T).reshape(B, T, KV, D), positions)
        value = (x @ w["midlayer.self_attn.v_proj.weight"].T).reshape(B, T, KV, D)
        keys.append(key.repeat_interleave(HEADS // KV, 2).transpose(1, 2))
        values.append(value.repeat_interleave(HEADS // KV, 2).transpose(1, 2))
        scores = q.transpose(1, 2) @ torch.cat(keys, 2).transpose(-1, -2) * D**-0.5
        allowed = torch.cat([torch.ones(T, T).tril()] + [torch.eye(T)] * k, dim=1) == 1
        weights = scores.masked_fill(~allowed, float("-inf")).softmax(-1)
        attended = (weights @ torch.cat(values, 2)).transpose(1, 2).reshape(B, T, HEADS * D)
        r = hidden + attended @ w["midlayer.self_attn.o_proj.weight"].T
        m = norm(r, w["midlayer.post_attention_layernorm.weight"])
        gate = F.silu(m @ w["midlayer.mlp.gate_proj.weight"].T)
        out = r + (gate * (m @ w["midlayer.mlp.up_proj.weight"].T)) @ w["midlayer.mlp.down_proj.weight"].T
        normed = norm(out, w["norm.weight"])
        hidden = normed if flags["normOutput"] else out
        logits = normed @ w["lm_head.weight"].T
        pk, yk, tk = left(p, k), left(y, k), left(true_p, k)
        ck, mk = left(covered.double(), k), left(mask.double(), k)
        cross = -(pk * logits.log_softmax(-1)).sum(-1)
        q_draft = logits.softmax(-1)
        accept = torch.minimum(tk, q_draft).sum(-1)
        kind = flags["loss"]["kind"]
        if kind == "kl":
            per_row = cross
        elif kind == "lk-alpha":
            per_row = -torch.where(ck > 0, accept, torch.ones_like(accept)).log()
        else:
            share = (flags["loss"]["scale"] * torch.exp(-flags["loss"]["decay"] * accept)).detach()
            per_row = share * cross + (1 - share) * (1 - accept)
        loss = (per_row * ck).sum() / (B * T)
        total = total + 0.8**k * loss
        correct = ((draft[logits.argmax(-1)] == yk) & (mk == 1)).sum().item()
        results.append(
            {
                "loss": loss.item(),
                "accuracy": correct / max(mk.sum().item(), 1e-6),
                "acceptance": ((accept * ck).sum() / max(ck.sum().item(), 1e-6)).item(),
            }
        )
    return total, results


def case(name, flags, ttt, steps):
    w = {}
    for number, (key, rows, columns) in enumerate(SHAPES):
        if key.startswith("fc_norm") and not flags["normLayers"]:
            continue
        base = 1.0 if rows == 1 else 0.0
        size = 0.2 if rows == 1 else 0.5
        value = (base + wave(rows, columns, number + 1, size)).float().double()
        w[key] = value.clone().requires_grad_(True)
    embedding, target_head = wave(V, H, 31, 0.8), wave(V, HT, 32, 1.5)
    features = torch.stack([wave(T, LAYERS * HT, 41 + b, 1.0) for b in range(B)])
    final = torch.stack([wave(T, HT, 51 + b, 1.2) for b in range(B)])
    ids = torch.tensor([[(7 * i + 11 * b + 3) % V for i in range(T)] for b in range(B)])
    mask = torch.tensor([[1 if (i + b) % 4 != 1 else 0 for i in range(T)] for b in range(B)])
    for b, length in enumerate(LENGTHS):
        features[b, length:] = 0
        final[b, length:] = 0
        ids[b, length:] = 0
        mask[b, length:] = 0
    inputs = (features, left(ids, 1), left(final, 1), left(mask, 1), embedding, target_head, ttt)
    optimizer = torch.optim.AdamW(w.values(), lr=1e-2, weight_decay=0.1)
    record = {"name": name, **flags, "tttLength": ttt, "steps": []}
    for step in range(steps):
        optimizer.zero_grad()
        total, results = forward(w, flags, *inputs)
        total.backward()
        gradients = {key: value.grad.flatten()[::SAMPLE_EVERY].tolist() for key, value in w.items()}
        largest = {key: value.grad.abs().max().item() for key, value in w.items()}
        grad_norm = torch.nn.utils.clip_grad_norm_(w.values(), 0.5).item()
        optimizer.step()
        entry = {"loss": total.item(), "steps": results, "gradientNorm": grad_norm}
        if step == 0:
            entry |= {"gradients": gradients, "largest": largest}
        record["steps"].append(entry)
    record["weights"] = {key: value.detach().flatten()[::SAMPLE_EVERY].tolist() for key, value in w.items()}
    return record


plain = {"normOutput": False, "normLayers": False}
cases = [
    case("EAGLE3", {**plain, "loss": {"kind": "kl"}}, 3, 3),
    case("EAGLE3.1", {"normOutput": True, "normLayers": True, "loss": {"kind": "kl"}}, 4, 1),
    case("expected acceptance", {**plain, "loss": {"kind": "lk-alpha"}}, 2, 1),
    case("blend", {**plain, "loss": {"kind": "lk-lambda", "scale": 0.7, "decay": 2.0}}, 2, 1),
]


def rounded(value):
    if isinstance(value, float):
        return float(f"{value:.9g}")
    if isinstance(value, list):
        return [rounded(item) for item in value]
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    return value


path = Path(__file__).resolve().parents[2] / "fixtures" / "training" / "eagle3.json"
path.parent.mkdir(parents=True, exist_ok=True)
path.write_text(json.dumps({"torch": PINNED, "sampleEvery": SAMPLE_EVERY, "cases": rounded(cases)}) + "\n")
