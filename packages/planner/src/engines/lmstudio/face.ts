/** Names, settings and commands of LM Studio, whose engine for GGUF files is llama.cpp. */
import type { EngineFace } from '../contract/engine-face.ts';
import { llamaCppFace } from '../llama-cpp/face.ts';
import { type LmStudioOptions, lmStudioOptions } from './options.ts';

export const lmStudioFace: EngineFace<LmStudioOptions, 'lmstudio'> = {
  ...llamaCppFace,
  name: 'lmstudio',
  title: 'LM Studio',
  aliases: ['lm-studio', 'lms'],
  options: lmStudioOptions,
  spellings: { context: ['--context-length', '-c'], users: ['--parallel'] },
  release: null,
  openContexts: ['auto'],
  choosesContext: true,
  runsAnotherEngine: true,
};
