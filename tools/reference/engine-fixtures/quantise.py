"""Quantises to the element types of GGUF: with the gguf package's quantisers, and here for K-quants, which it only reads.

Block layouts are those of ggml (https://github.com/ggml-org/ggml, ggml-common.h): a super-block has 256 weights. For each
scale, the script tries a range of steps and keeps the step with the smallest squared error. Other quantisers choose
slightly different scales; every choice is a valid file. The tests use the values that `decode` reads back.
"""

import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf.quants import dequantize, quantize

SUPER = 256


def encode(values, kind):
    if kind == Type.F32:
        return values
    if kind in ENCODERS:
        rows = values.reshape(-1, values.shape[-1])
        blocks = ENCODERS[kind](rows.reshape(-1, SUPER).astype(np.float64))
        return blocks.reshape(*values.shape[:-1], -1)
    return quantize(values, kind)


def decode(data, kind):
    return data if kind == Type.F32 else dequantize(data, kind).astype(np.float32)


def halves(values):
    """Converts [blocks, n] to f16: returns bytes [blocks, 2 n] and the values of the halves."""
    stored = values.astype(np.float16)
    return stored.view(np.uint8).reshape(len(values), -1), stored.astype(np.float64)


def affine(blocks, levels):
    """Fits scale and minimum per run of 32: values are about scale x q - minimum, q in [0, levels] and minimum >= 0."""
    low = np.minimum(blocks.min(axis=-1), 0)
    high = blocks.max(axis=-1)
    best = np.full(low.shape, np.inf)
    scales, minimums = np.zeros(low.shape), np.zeros(low.shape)
    for shrink in np.linspace(0.7, 1.0, 13):
        for lift in np.linspace(0.7, 1.0, 13):
            minimum = -low * lift
            scale = np.maximum((high * shrink + minimum) / levels, 1e-12)
            quants = np.clip(np.round((blocks + minimum[..., None]) / scale[..., None]), 0, levels)
            error = ((scale[..., None] * quants - minimum[..., None] - blocks) ** 2).sum(axis=-1)
            better = error < best
            best = np.where(better, error, best)
            scales, minimums = np.where(better, scale, scales), np.where(better, minimum, minimums)
    return scales, minimums


def six_bits(values):
    """Converts [blocks, 8] numbers >= 0 to a half per block and 6-bit multiples of it."""
    stored, unit = halves(values.max(axis=1, keepdims=True) / 63)
    multiples = np.clip(np.round(np.divide(values, unit, where=unit > 0, out=np.zeros_like(values))), 0, 63)
    return stored, unit, multiples.astype(np.uint8)


def packed_scales(scales, minimums):
    """Packs eight 6-bit scales and eight 6-bit minimums into 12 bytes, the layout of Q4_K and Q5_K."""
    packed = np.zeros((len(scales), 12), np.uint8)
    packed[:, 0:4] = scales[:, :4] | (scales[:, 4:] >> 4 << 6)
    packed[:, 4:8] = minimums[:, :4] | (minimums[:, 4:] >> 4 << 6)
    packed[:, 8:12] = (scales[:, 4:] & 15) | ((minimums[:, 4:] & 15) << 4)
    return packed


def affine_super(rows, levels):
    """Encodes super-blocks [n, 256] of Q4_K and Q5_K up to their quants: d, dmin, scales as bytes, quants [n, 8, 32]."""
    blocks = rows.reshape(-1, 8, 32)
    scales, minimums = affine(blocks, levels)
    scale_half, scale_unit, scale_bits = six_bits(scales)
    minimum_half, minimum_unit, minimum_bits = six_bits(minimums)
    scale, minimum = (scale_unit * scale_bits)[..., None], (minimum_unit * minimum_bits)[..., None]
    raw = np.divide(blocks + minimum, scale, where=scale > 0, out=np.zeros_like(blocks))
    quants = np.clip(np.round(raw), 0, levels).astype(np.uint8)
    return [scale_half, minimum_half, packed_scales(scale_bits, minimum_bits)], quants


def nibbles(quants):
    """Packs [n, 8, 32] 4-bit numbers: runs 2i and 2i + 1 share 32 bytes, low half first."""
    return (quants[:, 0::2] | (quants[:, 1::2] << 4)).reshape(len(quants), 128)


def encode_q4_k(rows):
    head, quants = affine_super(rows, 15)
    return np.concatenate([*head, nibbles(quants)], axis=1)


def encode_q5_k(rows):
    head, quants = affine_super(rows, 31)
    # Bit i of byte j is the fifth bit of weight j in run i.
    fifth = np.zeros((len(quants), 32), np.uint8)
    for run in range(8):
        fifth |= (quants[:, run] >> 4) << run
    return np.concatenate([*head, fifth, nibbles(quants & 15)], axis=1)


def encode_q6_k(rows):
    """Encodes 16 runs of 16 weights: d x scale (signed byte) x (q - 32)."""
    blocks = rows.reshape(-1, 16, 16)
    peak = np.take_along_axis(blocks, np.abs(blocks).argmax(axis=-1)[..., None], axis=-1)[..., 0]
    best, scales = np.full(peak.shape, np.inf), np.zeros(peak.shape)
    for steps in np.linspace(-36, -28, 33):
        scale = np.where(peak == 0, 1e-12, peak / steps)
        quants = np.clip(np.round(blocks / scale[..., None]), -32, 31)
        error = ((scale[..., None] * quants - blocks) ** 2).sum(axis=-1)
        scales = np.where(error < best, scale, scales)
        best = np.minimum(error, best)
    largest = np.take_along_axis(scales, np.abs(scales).argmax(axis=1)[:, None], axis=1)
    stored, unit = halves(largest / -128)
    bits = np.clip(np.round(np.divide(scales, unit, where=unit != 0, out=np.zeros_like(scales))), -128, 127)
    scale = (unit * bits)[..., None]
    raw = np.divide(blocks, scale, where=scale != 0, out=np.zeros_like(blocks))
    quants = (np.clip(np.round(raw), -32, 31) + 32).astype(np.uint8).reshape(-1, 2, 4, 32)
    # Each half of 128 has four runs of 32: runs 0|2 and 1|3 share the bytes of low nibbles, all four the high bit pairs.
    low = np.stack(
        [(quants[:, :, 0] & 15) | ((quants[:, :, 2] & 15) << 4), (quants[:, :, 1] & 15) | ((quants[:, :, 3] & 15) << 4)],
        axis=2,
    ).reshape(-1, 128)
    high = np.zeros((len(quants), 2, 32), np.uint8)
    for run in range(4):
        high |= (quants[:, :, run] >> 4) << (2 * run)
    return np.concatenate([low, high.reshape(-1, 64), bits.astype(np.int8).view(np.uint8), stored], axis=1)


ENCODERS = {Type.Q4_K: encode_q4_k, Type.Q5_K: encode_q5_k, Type.Q6_K: encode_q6_k}


def relative_error(values, kind):
    """Returns the root of the mean squared error over the deviation of the values."""
    back = decode(encode(values, kind), kind)
    return float(np.sqrt(np.mean((back - values) ** 2)) / values.std())
