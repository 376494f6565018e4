/** The face of our own engine: names, flags, scheduler. */
import type { EngineFace, Spellings } from '../contract/engine-face.ts';
import { type PlimsollOptions, plimsollOptions } from './options.ts';

const spellings: Spellings = {
  context: ['--ctx'],
  users: ['--max-seqs'],
  kv: ['--kv-type'],
};

export const plimsollFace: EngineFace<PlimsollOptions, 'plimsoll'> = {
  name: 'plimsoll',
  title: 'plimsoll',
  aliases: [],
  options: plimsollOptions,
  spellings,
  formatSpellings: {},
  release: null,
  usualFormats: [],
  loads: 'either',
  split: 'nothing',
  usersWait: true,
  runsPastTraining: false,
  runsHere: true,
  serving: {
    order: 'decode-first',
    admission: 'whole-prompt',
    reserve: 0.01,
    skipHeadMax: 0,
    tokensOption: 'prefill-chunk',
    source: 'packages/serving/src/step-planner.ts',
  },
  startLog: null,
};
