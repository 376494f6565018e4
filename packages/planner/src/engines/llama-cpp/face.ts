/** Names, flags and scheduler of llama.cpp. */
import type { EngineFace, Spellings } from '../contract/engine-face.ts';
import { type LlamaCppOptions, llamaCppOptions, openContexts } from './options.ts';

/** llama.cpp's context is the sum over all slots; the context of a plan is the context of one user. */
const spellings: Spellings = {
  context: ['-c', '--ctx-size'],
  users: ['-np', '--parallel'],
};

export const llamaCppFace: EngineFace<LlamaCppOptions, 'llama.cpp'> = {
  name: 'llama.cpp',
  title: 'llama.cpp',
  aliases: ['llamacpp', 'llama-cpp', 'llama_cpp'],
  options: llamaCppOptions,
  spellings,
  formatSpellings: {},
  release: {
    form: /^(b?\d{1,6}|v?\d{1,3}\.\d{1,3}\.\d{1,3})$/,
    limit: 'a build number such as b5192, or a release such as v0.5.0',
  },
  usualFormats: ['Q8_0', 'Q4_K_M'],
  loads: 'gguf',
  split: 'layers',
  // llama.cpp allocates the cache of every slot when it starts.
  usersWait: false,
  openContexts: Object.values(openContexts),
  runsPastTraining: true,
  runsHere: false,
  serving: {
    order: 'decode-first',
    // A slot has its cache from the start, and a prompt enters it in chunks of one batch.
    admission: 'first-chunk',
    reserve: 0,
    skipHeadMax: 0,
    tokensOption: 'batch',
    source:
      'tools/server, update_slots: one token of every generating slot, then prompts until the batch is full',
  },
  startLog: null,
};
