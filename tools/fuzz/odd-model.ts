/**
 * Generates models with unusual sizes that satisfy every relation that a reader checks: rows that are no multiple of a
 * vector, one head, one layer, experts of width one. The engine must compute every model that passes the checks.
 */
import { type Random, randomInteger } from '@plimsoll/foundation/random';
import type { GgufValue } from '@plimsoll/model-files/gguf';
import { ggmlTensorBytes, ggmlTypeNamed } from '@plimsoll/model-files/spec';
import { type GgufTensorData, ggufScalar, ggufString, ggufUint32 } from '@plimsoll/model-files/writing';
import { chance, pick } from './chance.ts';
import type { GgufParts } from './gguf-mutation.ts';

interface OddSizes {
  readonly architecture: string;
  readonly layers: number;
  readonly hidden: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly width: number;
  readonly vocab: number;
  readonly experts: number;
  readonly used: number;
  readonly tied: boolean;
  readonly type: string;
}

/** Generates a model; `donor` is the metadata of a fixture, whose tokenizer it uses. */
export function oddModel(
  donor: GgufParts,
  random: Random,
): { readonly parts: GgufParts; readonly what: string } {
  const sizes = oddSizes(random);
  const metadata = donor.metadata.filter(([key]) => key.startsWith('tokenizer.'));
  metadata.push(...hyperParameters(sizes, random));
  const tensors = shapes(sizes).map(([name, shape]) => tensor(name, shape, { sizes, random }));
  return { parts: { metadata, tensors }, what: JSON.stringify(sizes) };
}

function oddSizes(random: Random): OddSizes {
  const kvHeads = randomInteger(random, 1, 4);
  const hasExperts = chance(random, 0.3);
  const experts = hasExperts ? randomInteger(random, 1, 9) : 0;
  // Types with blocks of 32 need rows of whole blocks; the other types take any row.
  const type = pick(random, ['F32', 'F16', 'BF16', 'Q8_0', 'Q4_0']);
  const unit = type.startsWith('Q') ? 32 : 1;
  return {
    architecture: 'llama',
    layers: randomInteger(random, 1, 4),
    hidden: unit * randomInteger(random, 1, unit === 1 ? 70 : 3),
    heads: kvHeads * randomInteger(random, 1, 6),
    kvHeads,
    headDim: pick(random, unit === 1 ? [8, 16, 24, 32, 40, 64] : [32, 64]),
    width: unit * randomInteger(random, 1, unit === 1 ? 50 : 3),
    vocab: randomInteger(random, 320, 400),
    experts,
    used: hasExperts ? randomInteger(random, 1, experts + 1) : 0,
    tied: chance(random, 0.3),
    type,
  };
}

function hyperParameters(sizes: OddSizes, random: Random): (readonly [string, GgufValue])[] {
  const rotary = 2 * randomInteger(random, 1, sizes.headDim / 2 + 1);
  const counts: Readonly<Record<string, number>> = {
    block_count: sizes.layers,
    context_length: randomInteger(random, 1, 300),
    embedding_length: sizes.hidden,
    feed_forward_length: sizes.width,
    'attention.head_count': sizes.heads,
    'attention.head_count_kv': sizes.kvHeads,
    'attention.key_length': sizes.headDim,
    'attention.value_length': sizes.headDim,
    'rope.dimension_count': rotary,
    ...(sizes.experts > 0 && { expert_count: sizes.experts, expert_used_count: sizes.used }),
  };
  return [
    ['general.architecture', ggufString(sizes.architecture)],
    ...Object.entries(counts).map(([key, value]) => [`llama.${key}`, ggufUint32(value)] as const),
    ['llama.attention.layer_norm_rms_epsilon', ggufScalar('float32', 1e-5)],
  ];
}

function shapes(sizes: OddSizes): readonly (readonly [string, readonly number[]])[] {
  const { layers, hidden, heads, kvHeads, headDim, width, vocab, experts, tied } = sizes;
  const layer = (index: number): readonly (readonly [string, readonly number[]])[] => {
    const at = (name: string): string => `blk.${index}.${name}.weight`;
    return [
      [at('attn_norm'), [hidden]],
      [at('attn_q'), [heads * headDim, hidden]],
      [at('attn_k'), [kvHeads * headDim, hidden]],
      [at('attn_v'), [kvHeads * headDim, hidden]],
      [at('attn_output'), [hidden, heads * headDim]],
      [at('ffn_norm'), [hidden]],
      ...(experts > 0
        ? ([
            [at('ffn_gate_inp'), [experts, hidden]],
            [at('ffn_gate_exps'), [experts, width, hidden]],
            [at('ffn_up_exps'), [experts, width, hidden]],
            [at('ffn_down_exps'), [experts, hidden, width]],
          ] as const)
        : ([
            [at('ffn_gate'), [width, hidden]],
            [at('ffn_up'), [width, hidden]],
            [at('ffn_down'), [hidden, width]],
          ] as const)),
    ];
  };
  return [
    ['token_embd.weight', [vocab, hidden]],
    ['output_norm.weight', [hidden]],
    ...(tied ? [] : ([['output.weight', [vocab, hidden]]] as const)),
    ...Array.from({ length: layers }, (_, index) => layer(index)).flat(),
  ];
}

/** Generates a tensor of small numbers: the exponents of floats and of block scales are kept low. */
function tensor(
  name: string,
  shape: readonly number[],
  { sizes, random }: { readonly sizes: OddSizes; readonly random: Random },
): GgufTensorData {
  const isVector = shape.length === 1 || name.includes('ffn_gate_inp');
  const type = ggmlTypeNamed(isVector ? 'F32' : sizes.type);
  const data = new Uint8Array(ggmlTensorBytes(type, shape));
  const view = new DataView(data.buffer);
  const small = (): number => random() - 0.5;
  if (type.name === 'F32') for (let at = 0; at < data.length; at += 4) view.setFloat32(at, small(), true);
  else if (type.name === 'BF16') {
    const wide = new DataView(new ArrayBuffer(4));
    for (let at = 0; at < data.length; at += 2) {
      wide.setFloat32(0, small());
      view.setUint16(at, wide.getUint16(0), true);
    }
  } else if (type.name === 'F16')
    for (let at = 0; at < data.length; at += 2) view.setFloat16(at, small(), true);
  else {
    for (let at = 0; at < data.length; at++) data[at] = randomInteger(random, 0, 256);
    for (let at = 0; at < data.length; at += type.blockBytes) view.setFloat16(at, 0.01, true);
  }
  return { name, type, shape, data };
}
