/** The face of a plan without an engine. Its advice uses the flags of most servers that load checkpoints. */
import type { EngineFace, Spellings } from '../contract/engine-face.ts';

const spellings: Spellings = {
  context: ['--max-model-len'],
  tp: ['--tensor-parallel-size'],
  pp: ['--pipeline-parallel-size'],
  weights: ['--quantization'],
  kv: ['--kv-cache-dtype'],
};

export const noEngineFace: EngineFace<object, 'none'> = {
  name: 'none',
  title: null,
  aliases: [],
  options: [],
  spellings,
  formatSpellings: {},
  release: null,
  usualFormats: ['fp8', 'awq'],
  loads: 'either',
  split: 'tensors',
  usersWait: true,
  runsPastTraining: false,
  runsHere: false,
  serving: null,
  startLog: null,
};
