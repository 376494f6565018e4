/** `--kv-transfer-config`: a connector moves blocks of the cache to other instances, host memory or storage. */
import { type OptionSpec, switchOption } from '../contract/option-spec.ts';
import { type JsonObject, jsonObject, stringOf } from './json-text.ts';

export interface ConnectorOptions {
  /** Connectors of the instance: several where MultiConnector lists them. */
  readonly connectors?: readonly string[] | undefined;
  /** The object as a person wrote it. */
  readonly connectorText?: string | undefined;
  /** Whether layers of different kinds may have blocks of their own; absent where vLLM chooses. */
  readonly hybridManager?: boolean | undefined;
}

/**
 * Connectors of V1 that hold no buffers of their own on the device (vllm/distributed/kv_transfer/kv_connector/factory.py).
 * P2pNcclConnector is not among them: it keeps received blocks on the device.
 */
const knownConnectors = [
  'NixlConnector',
  'NixlPullConnector',
  'NixlPushConnector',
  'LMCacheConnectorV1',
  'LMCacheMPConnector',
  'OffloadingConnector',
  'SimpleCPUOffloadConnector',
  'MooncakeConnector',
  'MooncakeStoreConnector',
  'MoRIIOConnector',
  'FlexKVConnectorV1',
  'HF3FSKVConnector',
  'SharedStorageConnector',
  'ExampleConnector',
] as const;

const severalConnectors = 'MultiConnector';

/** Most connectors of one instance. */
const connectorsMax = 16;

/** The connectors that an object names; null if a plan does not know all of them. */
function connectorsOf(value: JsonObject): readonly string[] | null {
  const name = stringOf(value.kv_connector);
  if (name !== severalConnectors) return isKnown(name) ? [name] : null;
  const { kv_connector_extra_config: extra } = value;
  const listed =
    typeof extra === 'object' && extra !== null && 'connectors' in extra ? extra.connectors : null;
  if (!Array.isArray(listed) || listed.length === 0 || listed.length > connectorsMax) return null;
  const names = listed.map((each: unknown) =>
    typeof each === 'object' && each !== null && 'kv_connector' in each ? each.kv_connector : null,
  );
  return names.every(isKnown) ? names : null;
}

function isKnown(name: unknown): name is string {
  return knownConnectors.some((known) => known === name);
}

export const connectorOptions: readonly OptionSpec<ConnectorOptions>[] = [
  {
    name: 'kv-transfer-config',
    flags: ['--kv-transfer-config'],
    value: '<json>',
    words: 'the connector that moves blocks of the cache',
    limit: `a JSON object with "kv_connector": ${knownConnectors.join(', ')}, or ${severalConnectors} of these`,
    field: null,
    read: (text) => {
      const value = jsonObject(text);
      const connectors = value === null ? null : connectorsOf(value);
      return connectors === null ? null : { connectors, connectorText: text };
    },
    write: ({ connectorText }) => connectorText ?? null,
  },
  managerSwitch('disable-hybrid-kv-cache-manager', 'windowed layers keep all tokens', false),
  managerSwitch('no-disable-hybrid-kv-cache-manager', 'each kind of layer has blocks of its own', true),
];

function managerSwitch(name: string, words: string, hybridManager: boolean): OptionSpec<ConnectorOptions> {
  return switchOption<ConnectorOptions>(
    { name, flags: [`--${name}`], words },
    { hybridManager },
    (options) => options.hybridManager === hybridManager,
  );
}
