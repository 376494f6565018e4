/** What all routes share: the model, the engine's door, and the limits. */
import type { BodyBudget } from '../http/read-body.ts';
import type { RequestGate } from '../http/request-gate.ts';
import type { GenerationMeter } from '../metrics/generation-meter.ts';
import type { Generations } from './generations.ts';
import type { Grammars } from './grammars.ts';
import type { PrefixCacheFile } from './prefix-cache-file.ts';
import type { ServedModel } from './served-model.ts';

export interface ServerCore {
  readonly model: ServedModel;
  readonly generations: Generations;
  readonly grammars: Grammars;
  readonly meter: GenerationMeter;
  readonly gate: RequestGate;
  readonly bodies: BodyBudget;
  /** Null if the server keeps no prefix cache on disk. */
  readonly prefixCache: PrefixCacheFile | null;
  /** Memory limit of the process. */
  readonly limitBytes: number;
  /** Unix time in seconds. */
  unixTime(): number;
}
