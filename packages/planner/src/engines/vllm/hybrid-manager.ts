/**
 * The manager of hybrid caches gives each kind of layer its own blocks. Without the manager, layers with a window keep all
 * tokens, and layers with recurrent state have no place in the cache (vllm/config/vllm.py;
 * vllm/v1/core/kv_cache_utils.py, unify_hybrid_kv_cache_specs).
 */
import type { ModelSpec } from '@plimsoll/model-files/spec';
import type { VllmOptions } from './options.ts';
import type { VllmRelease } from './release.ts';

export interface HybridManager {
  readonly isOn: boolean;
  /** Why the manager is off: the connector or the flag; null where neither is the reason. */
  readonly turnedOffBy: string | null;
  /** True if a flag turns the manager on again. */
  readonly canTurnOn: boolean;
}

/** Connectors that move blocks of several kinds, by the first release known to have them (SupportsHMA). */
const hybridConnectors: Readonly<Record<string, number>> = {
  NixlConnector: 20,
  MooncakeConnector: 20,
  SimpleCPUOffloadConnector: 20,
  NixlPullConnector: 24,
  NixlPushConnector: 24,
  OffloadingConnector: 24,
  MooncakeStoreConnector: 24,
};

/** The first release whose flag keeps the manager on despite a connector. */
const firstKeptManager = 13;

/** The first release known to ask the connector before it turns the manager off. */
const firstAskedConnector = 24;

export function hybridManager(options: VllmOptions, release: VllmRelease, spec: ModelSpec): HybridManager {
  const off = { isOn: false, canTurnOn: false };
  if (release.number < 9 || release.engine === 'V0') return { ...off, turnedOffBy: null };
  if (options.hybridManager === false)
    return { ...off, turnedOffBy: '--disable-hybrid-kv-cache-manager', canTurnOn: true };
  const isChunked = spec.layers.some(({ attention }) => attention.kind === 'chunked');
  if (isChunked && options.draft !== undefined) return { ...off, turnedOffBy: null };
  const connectors = connectorsOf(options);
  const areHybrid = connectors.every(
    (name) => release.number >= (hybridConnectors[name] ?? Number.POSITIVE_INFINITY),
  );
  const isKept = options.hybridManager === true && release.number >= firstKeptManager;
  if (connectors.length === 0 || (areHybrid && (isKept || release.number >= firstAskedConnector)))
    return { isOn: true, turnedOffBy: null, canTurnOn: true };
  const canTurnOn = areHybrid && release.number >= firstKeptManager;
  return { isOn: false, turnedOffBy: connectors.join(', '), canTurnOn };
}

/** Host memory for blocks is a connector too (--kv-offloading-size). */
function connectorsOf({ connectors = [], kvOffloadGib }: VllmOptions): readonly string[] {
  return kvOffloadGib === undefined ? connectors : [...connectors, 'OffloadingConnector'];
}
