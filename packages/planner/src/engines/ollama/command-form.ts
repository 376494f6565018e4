/** How people start Ollama: the server with its environment variables, and models by the client's commands. */
import type { CommandForm } from '../contract/command-form.ts';

const flagOf =
  (flag: string): ((value: string) => Readonly<Record<string, string>>) =>
  (value) => ({ [flag]: value });

/** Go's boolean words; any other text counts as true. */
function isTrue(value: string): boolean {
  return !/^(?:0|f|false)$/i.test(value.trim());
}

/** A name without a tag and without an owner means the tag `latest` of Ollama's library. */
function withTag(model: string): string {
  return /^[\w.-]+$/.test(model) && !/\.gguf$/i.test(model) ? `${model}:latest` : model;
}

export const ollamaCommandForm: CommandForm = {
  programs: [
    ['ollama', 'run'],
    ['ollama', 'serve'],
    ['ollama', 'start'],
    ['ollama', 'create'],
    ['ollama', 'pull'],
  ],
  modules: [],
  images: ['ollama/ollama'],
  modelFlags: [],
  takesModelWord: true,
  wholeName: withTag,
  takesPrompt: true,
  usualContext: 'own',
  contextIsShared: false,
  readTokens: null,
  variables: {
    OLLAMA_CONTEXT_LENGTH: (value) => (value === '0' ? {} : { context: value }),
    OLLAMA_NUM_PARALLEL: (value) => (value === '0' ? {} : { users: value }),
    OLLAMA_FLASH_ATTENTION: (value) => ({ fa: isTrue(value) ? 'on' : 'off' }),
    OLLAMA_KV_CACHE_TYPE: (value) => (value === '' ? {} : { kv: value === 'f16' ? 'fp16' : value }),
    OLLAMA_GPU_OVERHEAD: flagOf('gpu-overhead'),
    OLLAMA_SCHED_SPREAD: (value) => (isTrue(value) ? { 'sched-spread': 'on' } : {}),
    LLAMA_ARG_FIT: flagOf('fit'),
    LLAMA_ARG_FIT_TARGET: flagOf('fit-target'),
  },
  ownFlags: { '-q': 'weights', '--quantize': 'weights' },
  idleFlags: {
    switches: [
      ...['--verbose', '--nowordwrap', '--insecure', '--hidethinking', '--think', '--truncate'],
      '--experimental',
    ],
    options: ['--keepalive', '--format', '--dimensions', '-f', '--file'],
  },
  abbreviates: false,
};
