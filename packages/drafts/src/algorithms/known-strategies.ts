/** The algorithms of this package. A new one adds its line here. */
import { dflashSpec } from './dflash/dflash-registration.ts';
import { dominoSpec } from './domino/domino-registration.ts';
import { eagle3Spec } from './eagle3/eagle3-registration.ts';
import { lmSpec } from './lm/lm-registration.ts';
import { StrategyRegistry } from './strategy-registry.ts';

export function knownStrategies(): StrategyRegistry {
  return new StrategyRegistry()
    .register(lmSpec)
    .register(eagle3Spec)
    .register(dflashSpec)
    .register(dominoSpec);
}
