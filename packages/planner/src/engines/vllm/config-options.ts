/** Flags of vLLM that replace values of the model's config.json. */
import type { OptionSpec } from '../contract/option-spec.ts';
import { jsonObject } from './json-text.ts';

export interface ConfigOptions {
  /** The object of --hf-overrides as a person wrote it. */
  readonly overridesText?: string | undefined;
  /** The object of --rope-scaling as a person wrote it: releases until 0.11 have this flag. */
  readonly ropeText?: string | undefined;
}

export const configOptions: readonly OptionSpec<ConfigOptions>[] = [
  {
    name: 'hf-overrides',
    flags: ['--hf-overrides'],
    value: '<json>',
    words: "values that replace values of the model's config.json",
    limit: 'a JSON object such as {"rope_parameters": {"rope_type": "yarn", "factor": 4.0}}',
    field: null,
    read: (text) => (jsonObject(text) === null ? null : { overridesText: text }),
    write: ({ overridesText }) => overridesText ?? null,
    configOverrides: ({ overridesText }) => jsonObject(overridesText ?? ''),
  },
  {
    name: 'rope-scaling',
    flags: ['--rope-scaling'],
    value: '<json>',
    words: 'how rotary positions are stretched',
    limit:
      'a JSON object such as {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}',
    field: null,
    read: (text) => (jsonObject(text) === null ? null : { ropeText: text }),
    write: ({ ropeText }) => ropeText ?? null,
    configOverrides: ({ ropeText }) => {
      const scaling = jsonObject(ropeText ?? '');
      return scaling === null ? null : { rope_scaling: scaling };
    },
  },
];
