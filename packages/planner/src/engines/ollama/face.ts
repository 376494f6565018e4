/** Names, settings and commands of Ollama, which runs llama.cpp. */
import type { EngineFace } from '../contract/engine-face.ts';
import { llamaCppFace } from '../llama-cpp/face.ts';
import { type OllamaOptions, ollamaOptions } from './options.ts';

export const ollamaFace: EngineFace<OllamaOptions, 'ollama'> = {
  ...llamaCppFace,
  name: 'ollama',
  title: 'Ollama',
  aliases: [],
  options: ollamaOptions,
  spellings: {},
  release: { form: /^v?0\.\d{1,3}(?:\.\d{1,3})?$/, limit: 'a release such as 0.32.15' },
  openContexts: ['auto'],
  choosesContext: true,
  runsAnotherEngine: true,
};
