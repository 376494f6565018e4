/** The cache of Gemma 3 12B with its windows, and as if it had none; and of a model whose layers keep a state. */
import { assert, formatBytes, formatCount } from '@plimsoll/foundation';
import { prepare } from '@plimsoll/planner';
import { type ComputedNumber, given } from '../../../../numbers/computed-number.ts';
import {
  cacheBytesPerUser,
  categoryBytes,
  referencePlan,
  requestFor,
} from '../../../../numbers/reference-case.ts';

const model = 'google/gemma-3-12b-it';
const stateModel = 'Qwen/Qwen3.5-9B';
/** Tokens of a conversation. */
const contexts = { short: 1024, usual: 8192, long: 131_072 };

export default function numbers(): Record<string, ComputedNumber> {
  const { groups } = prepare(requestFor({ model }));
  const full = groups.find(({ kind }) => kind === 'full');
  const sliding = groups.find(({ kind }) => kind === 'sliding');
  assert(full !== undefined && sliding !== undefined, `${model} has layers of both kinds`);
  const layers = (value: number, kind: string): ComputedNumber => ({
    text: formatCount(value),
    derivation: `${kind} in the registry record of ${model}`,
  });
  const everything = (tokens: number): ComputedNumber => {
    const bytes = tokens * (full.layers * full.entryBytes + sliding.layers * sliding.entryBytes);
    return {
      text: formatBytes(bytes),
      derivation: `${formatCount(tokens)} tokens x (${full.layers} layers x ${full.terms} + ${sliding.layers} layers x ${sliding.terms}) = ${formatCount(bytes)} bytes`,
    };
  };
  const rows = Object.entries(contexts).flatMap(([name, contextTokens]) => [
    [`swa-${name}`, cacheBytesPerUser({ model, contextTokens })] as const,
    [`full-${name}`, everything(contextTokens)] as const,
  ]);
  return {
    'swa-layers': layers(sliding.layers, 'layers with a window'),
    'full-layers': layers(full.layers, 'layers without a window'),
    'swa-window': layers(sliding.tokensMax, 'sliding_window'),
    ...given(contexts),
    ...Object.fromEntries(rows),
    ...stateNumbers(),
  };
}

function stateNumbers(): Record<string, ComputedNumber> {
  const { groups } = prepare(requestFor({ model: stateModel }));
  const layers = (kind: 'state' | 'full'): ComputedNumber => {
    const group = groups.find((candidate) => candidate.kind === kind);
    assert(group !== undefined, `${stateModel} has ${kind} layers`);
    return {
      text: formatCount(group.layers),
      derivation: `${kind} layers in the registry record of ${stateModel}`,
    };
  };
  const plan = referencePlan({ model: stateModel, contextTokens: contexts.long });
  return {
    'state-layers': layers('state'),
    'state-full': layers('full'),
    'state-bytes': categoryBytes(plan, 'state'),
    'state-cache': categoryBytes(plan, 'kv-cache'),
  };
}
