/**
 * The faces of all engines: the facts that a command line, an address and a page need without planning. A line here and
 * a line in engines.ts add an engine; the differences between engines are in their folders.
 */
import { PlimsollError } from '@plimsoll/foundation';
import { nameDistance } from '@plimsoll/registry/name-distance';
import type { Question } from '../question/question.ts';
import type { EngineFace } from './contract/engine-face.ts';
import { llamaCppFace } from './llama-cpp/face.ts';
import { lmStudioFace } from './lmstudio/face.ts';
import { noEngineFace } from './none/face.ts';
import { ollamaFace } from './ollama/face.ts';
import { plimsollFace } from './plimsoll/face.ts';
import { sglangFace } from './sglang/face.ts';
import { tensorrtLlmFace } from './tensorrt-llm/face.ts';
import { vllmFace } from './vllm/face.ts';

const faces = [
  vllmFace,
  sglangFace,
  tensorrtLlmFace,
  llamaCppFace,
  ollamaFace,
  lmStudioFace,
  plimsollFace,
  noEngineFace,
] as const;

type Face = (typeof faces)[number];
type OptionsOf<Any> = Any extends EngineFace<infer Options> ? Options : never;
/** Turns A | B into A & B: the options of all engines in one type, each undefined unless it is set. */
type Both<Union> = (Union extends unknown ? (part: Union) => void : never) extends (all: infer All) => void
  ? All & object
  : never;

export type EngineName = Face['name'];
export type AnyOptions = Both<OptionsOf<Face>>;

/** A question with the engine that answers it. */
export interface PlanRequest extends Question<AnyOptions> {
  readonly engine: EngineName;
}

export const engineFaces: readonly EngineFace<AnyOptions, EngineName>[] = faces;
export const engineNames: readonly EngineName[] = engineFaces.map(({ name }) => name);

export function engineFace(name: EngineName): EngineFace<AnyOptions, EngineName> {
  return engineNamed(name);
}

/** Finds an engine by its name or an alias, in any case. Throws `unknown-engine` for any other text. */
export function engineNamed(text: string): EngineFace<AnyOptions, EngineName> {
  const name = text.trim().toLowerCase();
  const found = engineFaces.find((face) => face.name === name || face.aliases.includes(name));
  if (found !== undefined) return found;
  throw new PlimsollError({
    code: 'unknown-engine',
    message: `"${text}" is not an engine this planner has a profile for`,
    value: text,
    limit: engineNames.join(', '),
    hint: `--engine ${nearestName(name)}`,
  });
}

/** Finds the name or alias with the smallest edit distance to the text. */
function nearestName(text: string): string {
  let nearest = '';
  let least = Number.POSITIVE_INFINITY;
  for (const candidate of engineFaces.flatMap((face) => [face.name, ...face.aliases])) {
    const distance = nameDistance(text, candidate, Math.max(text.length, candidate.length));
    if (distance < least) [nearest, least] = [candidate, distance];
  }
  return nearest;
}
