/**
 * Plans the whole grid in one process: every model on every device in four weight precisions at six contexts, one user
 * each. A cell counts as answered if it has numbers, whether or not it fits; refusals are counted by their code.
 * `node benchmarks/plan/grid.ts ENGINE STEP` prints the result as JSON, in a separate process so that nothing is warm.
 */
import { PlimsollError } from '@plimsoll/foundation';
import { type ModelSpec, modelSpecFromConfig } from '@plimsoll/model-files';
import { type EngineName, prepare, singleDevice, solve } from '@plimsoll/planner';
import { engineNames } from '@plimsoll/planner/engines';
import { listHardware, listModels, resolveHardware, resolveModel } from '@plimsoll/registry';

const precisions = ['bf16', 'fp8', 'int4', 'nvfp4'];
const contexts = [2048, 8192, 32768, 131072, 262144, 1048576];

export interface GridResult {
  readonly engine: EngineName;
  /** Every n-th model only; 1 is the whole grid. */
  readonly modelStep: number;
  readonly models: number;
  readonly devices: number;
  readonly points: number;
  readonly fit: number;
  readonly tooLarge: number;
  readonly beyondContext: number;
  /** Number of refused points by error code. */
  readonly refused: Readonly<Record<string, number>>;
  /** Seconds to read the records and to build specs from configs. */
  readonly loadSeconds: number;
  readonly planSeconds: number;
  /** Processor time of the whole run, which does not depend on other load. */
  readonly processorSeconds: number;
}

function runGrid(engine: EngineName, modelStep: number): GridResult {
  const started = performance.now();
  const specs = listModels()
    .filter((_, index) => index % modelStep === 0)
    .map(({ id }) => readSpec(id));
  const devices = listHardware().map(({ id }) => resolveHardware(id));
  const loaded = performance.now();
  const counts = { fit: 0, tooLarge: 0, beyondContext: 0 };
  const refused = new Map<string, number>();
  for (const spec of specs) {
    for (const hardware of devices) {
      for (const weights of precisions) {
        try {
          // The longest context of the model, so that one deployment answers for all shorter contexts.
          const deployment = prepare({
            ...{ spec, hardware, parallelism: singleDevice, weights, engine },
            options: { maxModelLen: spec.contextLength },
            workload: { contextTokens: contexts[0] ?? 1, users: 1 },
          });
          for (const contextTokens of contexts) {
            const { feasible } = solve(deployment, { contextTokens, users: 1 });
            if (feasible) counts.fit += 1;
            else if (contextTokens > deployment.contextMax) counts.beyondContext += 1;
            else counts.tooLarge += 1;
          }
        } catch (error) {
          if (!(error instanceof PlimsollError)) throw error;
          refused.set(error.code, (refused.get(error.code) ?? 0) + contexts.length);
        }
      }
    }
  }
  return {
    engine,
    modelStep,
    models: specs.length,
    devices: devices.length,
    points: specs.length * devices.length * precisions.length * contexts.length,
    ...counts,
    refused: Object.fromEntries(refused),
    loadSeconds: (loaded - started) / 1000,
    planSeconds: (performance.now() - loaded) / 1000,
    processorSeconds: process.cpuUsage().user / 1e6,
  };
}

function readSpec(name: string): ModelSpec {
  const record = resolveModel(name);
  return modelSpecFromConfig(record.config, {
    id: record.id,
    ...(record.quantizationInferred !== null && { quantizationFromName: record.quantizationInferred }),
  });
}

const [name, step] = process.argv.slice(2);
const engine = engineNames.find((known) => known === name) ?? 'none';
process.stdout.write(JSON.stringify(runGrid(engine, Number(step ?? 1))));
