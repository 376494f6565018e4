/** The form of the commands that start TensorRT-LLM. */
import type { CommandForm } from '../contract/command-form.ts';

export const tensorrtLlmCommandForm: CommandForm = {
  programs: [['trtllm-serve', 'serve'], ['trtllm-serve']],
  modules: ['tensorrt_llm.commands.serve'],
  images: ['nvidia/tensorrt-llm/release', 'nvidia/tritonserver'],
  modelFlags: [],
  takesModelWord: true,
  usualContext: 'model',
  contextIsShared: false,
  readTokens: null,
  variables: {},
  abbreviates: false,
  // The backend that the profile models.
  idleValues: { '--backend': ['pytorch'] },
};
