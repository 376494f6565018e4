/**
 * The engines whose commands and logs people paste. The readers of commands and logs take this list; a page plans
 * without it, so that the list is apart from the faces.
 */
import type { PastedFace } from '../contract/engine-face.ts';
import type { AnyOptions, EngineName } from '../engine-list.ts';
import { llamaCppCommandForm } from '../llama-cpp/command-form.ts';
import { llamaCppFace } from '../llama-cpp/face.ts';
import { llamaCppLogLines } from '../llama-cpp/log-lines.ts';
import { lmStudioCommandForm } from '../lmstudio/command-form.ts';
import { lmStudioFace } from '../lmstudio/face.ts';
import { ollamaCommandForm } from '../ollama/command-form.ts';
import { ollamaFace } from '../ollama/face.ts';
import { ollamaLogLines } from '../ollama/log-lines.ts';
import { sglangCommandForm } from '../sglang/command-form.ts';
import { sglangFace } from '../sglang/face.ts';
import { sglangLogLines } from '../sglang/log-lines.ts';
import { tensorrtLlmCommandForm } from '../tensorrt-llm/command-form.ts';
import { tensorrtLlmFace } from '../tensorrt-llm/face.ts';
import { tensorrtLlmLogLines } from '../tensorrt-llm/log-lines.ts';
import { vllmCommandForm } from '../vllm/command-form.ts';
import { vllmFace } from '../vllm/face.ts';
import { vllmLogLines } from '../vllm/log-lines.ts';

export type PastedEngine = PastedFace<AnyOptions, EngineName>;

export const pastedEngines: readonly PastedEngine[] = [
  { ...vllmFace, commandForm: vllmCommandForm, logLines: vllmLogLines },
  { ...sglangFace, commandForm: sglangCommandForm, logLines: sglangLogLines },
  { ...tensorrtLlmFace, commandForm: tensorrtLlmCommandForm, logLines: tensorrtLlmLogLines },
  { ...llamaCppFace, commandForm: llamaCppCommandForm, logLines: llamaCppLogLines },
  { ...ollamaFace, commandForm: ollamaCommandForm, logLines: ollamaLogLines },
  { ...lmStudioFace, commandForm: lmStudioCommandForm, logLines: [] },
];
