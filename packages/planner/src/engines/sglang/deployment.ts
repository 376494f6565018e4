/** What a deployment of SGLang knows beside the common facts. */
import type { Deployment } from '../../deployment/deployment.ts';
import type { Pools } from './pools.ts';
import type { SglangRelease } from './release.ts';
import type { Stage } from './stages.ts';
import type { SglangSettings } from './start-settings.ts';

export interface SglangDeployment extends Deployment {
  readonly release: SglangRelease;
  readonly settings: SglangSettings;
  /** The stage with the fewest tokens, which all stages use. */
  readonly stage: Stage;
  readonly pools: Pools;
}
