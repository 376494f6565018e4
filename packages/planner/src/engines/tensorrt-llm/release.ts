/** The release of TensorRT-LLM, and the rules that depend on it. */
import { PlimsollError } from '@plimsoll/foundation';
import facts from '@plimsoll/registry/engines/tensorrt-llm.json' with { type: 'json' };
import { tensorrtLlmFace } from './face.ts';

export function engineVersion(asked: string | undefined): string {
  if (asked === undefined) return facts.newest;
  if (tensorrtLlmFace.release?.form.test(asked.trim()) === true) return asked.trim();
  throw new PlimsollError({
    code: 'bad-engine-version',
    message: `"${asked}" is not a TensorRT-LLM version`,
    value: asked,
    limit: tensorrtLlmFace.release?.limit,
    hint: `write --engine ${tensorrtLlmFace.name}@${facts.newest}, or leave the version out for the newest`,
  });
}

/** Returns the tokens of a cache block: 64 until 0.18, then 32. */
export function blockTokens(version: string): number {
  const [, major, minor] = /^v?(\d+)\.(\d+)/.exec(version) ?? [];
  const isOld = Number(major) === 0 && Number(minor) < 19;
  return isOld ? facts.defaults.tokensPerBlockBefore019 : facts.defaults.tokensPerBlock;
}
