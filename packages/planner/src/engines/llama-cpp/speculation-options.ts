/** Flags of llama-server for speculative decoding: a draft model, prediction layers of the model, or n-grams. */
import type { ModelSpec } from '@plimsoll/model-files/spec';
import { type KvFormat, parseKvFormat } from '../../bytes/kv-format.ts';
import { countOption, type OptionSpec, textOf } from '../contract/option-spec.ts';
import { cacheTypes, ggmlName } from './cache-types.ts';

export interface SpeculationOptions {
  /** The draft model of -md; `reference` is the model as typed. */
  readonly draft?:
    | { readonly spec: ModelSpec; readonly tokens: number; readonly reference?: string | undefined }
    | undefined;
  /** `--spec-type`: the sources of drafts. */
  readonly speculation?: readonly SpeculationType[] | undefined;
  /** Most tokens of one draft. */
  readonly draftTokensMax?: number | undefined;
  readonly draftGpuLayers?: number | 'all' | undefined;
  readonly draftKeyFormat?: KvFormat | undefined;
  readonly draftValueFormat?: KvFormat | undefined;
  /** Context of the draft model in builds that have the flag; newer drafts have the context of their model. */
  readonly draftContextTokens?: number | undefined;
  readonly draftDeviceNames?: readonly string[] | undefined;
}

/** EAGLE3, DFlash and DSpark drafters are not modelled. */
const speculationTypes = [
  'none',
  'draft-simple',
  'draft-mtp',
  'ngram-simple',
  'ngram-map-k',
  'ngram-map-k4v',
  'ngram-mod',
  'ngram-cache',
] as const;

export type SpeculationType = (typeof speculationTypes)[number];

export const speculationOptions: readonly OptionSpec<SpeculationOptions>[] = [
  {
    name: 'draft',
    flags: [
      '-md',
      '--model-draft',
      '--spec-draft-model',
      '-hfd',
      '-hfrd',
      '--hf-repo-draft',
      '--spec-draft-hf',
    ],
    value: '<model>',
    words: 'a draft model for speculative decoding',
    limit: 'a model',
    field: null,
    read: null,
    write: ({ draft }) => (draft === undefined ? null : (draft.reference ?? draft.spec.id)),
  },
  {
    name: 'spec-type',
    flags: ['--spec-type'],
    value: '<types>',
    words: 'where drafts come from: draft-simple, draft-mtp or ngram-*',
    limit: speculationTypes.join(', '),
    field: null,
    read: (text) => {
      const speculation = text.split(',').map((word) => typeNamed(word.trim()));
      return speculation.every((type) => type !== null) ? { speculation } : null;
    },
    write: ({ speculation }) => speculation?.join(',') ?? null,
  },
  countOption<SpeculationOptions>(
    {
      name: 'spec-draft-n-max',
      flags: ['--spec-draft-n-max', '--draft-max', '--draft-n'],
      value: '<tokens>',
      words: 'most tokens of one draft',
    },
    (draftTokensMax) => ({ draftTokensMax }),
    ({ draftTokensMax }) => draftTokensMax,
  ),
  {
    name: 'ngld',
    flags: ['-ngld', '--gpu-layers-draft', '--n-gpu-layers-draft', '--spec-draft-ngl'],
    value: '<layers>',
    words: 'layers of the draft model on the GPU',
    limit: 'a number of layers, or all',
    field: null,
    read: (text) => {
      const word = text.trim();
      if (['all', 'auto', '-1', '-2'].includes(word)) return { draftGpuLayers: 'all' };
      return /^\d{1,4}$/.test(word) ? { draftGpuLayers: Number(word) } : null;
    },
    write: ({ draftGpuLayers }) => textOf(draftGpuLayers),
  },
  {
    name: 'ctkd',
    flags: ['-ctkd', '--cache-type-k-draft', '--spec-draft-type-k'],
    value: '<format>',
    words: 'type of cached keys of the draft',
    limit: cacheTypes,
    field: null,
    read: (text) => ({ draftKeyFormat: parseKvFormat(text) }),
    write: ({ draftKeyFormat }) => (draftKeyFormat === undefined ? null : ggmlName(draftKeyFormat)),
  },
  {
    name: 'ctvd',
    flags: ['-ctvd', '--cache-type-v-draft', '--spec-draft-type-v'],
    value: '<format>',
    words: 'type of cached values of the draft',
    limit: cacheTypes,
    field: null,
    read: (text) => ({ draftValueFormat: parseKvFormat(text) }),
    write: ({ draftValueFormat }) => (draftValueFormat === undefined ? null : ggmlName(draftValueFormat)),
  },
  countOption<SpeculationOptions>(
    {
      name: 'cd',
      flags: ['-cd', '--ctx-size-draft'],
      value: '<tokens>',
      words: 'context of the draft model, in builds that have the flag',
    },
    (draftContextTokens) => ({ draftContextTokens }),
    ({ draftContextTokens }) => draftContextTokens,
  ),
  {
    name: 'devd',
    flags: ['-devd', '--device-draft', '--spec-draft-device'],
    value: '<names>',
    words: 'devices of the draft model',
    limit: 'names as --list-devices prints them, separated by commas',
    field: null,
    read: (text) => {
      const names = text.split(',').map((name) => name.trim());
      return names.every((name) => /^[A-Za-z]+\d+$/.test(name)) ? { draftDeviceNames: names } : null;
    },
    write: ({ draftDeviceNames }) => draftDeviceNames?.join(',') ?? null,
  },
];

/** Early builds wrote the types without "draft". */
function typeNamed(word: string): SpeculationType | null {
  return speculationTypes.find((type) => type === word || type === `draft-${word}`) ?? null;
}
