/** The question to the planner that a scenario asks, with the models and devices of the site. */
import { PlimsollError, parseTokens } from '@plimsoll/foundation';
import { type PlanRequest, usualEngine, withOwnContext } from '@plimsoll/planner';
import {
  contextOfModel,
  contextTooLong,
  type EngineName,
  engineFace,
  engineNamed,
  usualContext,
} from '@plimsoll/planner/engines';
import { isMixtureOfFiles } from '@plimsoll/planner/formats';
import { replicaLayoutOf, type Scenario, stepLimitOf } from '@plimsoll/simulator/scenario';
import type { Workbench } from '../../../workbench/workbench.ts';
import { requestOf } from '../../planner/state/settle.ts';
import { exampleState, type PlannerState } from '../../planner/state/state.ts';

/** Throws what the command line throws: unknown names with the nearest names, formats and options that do not exist. */
export function requestOfScenario(scenario: Scenario, workbench: Workbench): PlanRequest {
  const { id, weights: namedWeights } = workbench.registry.resolveCheckpoint(scenario.model);
  const weights = scenario.weights ?? namedWeights;
  const { name: engine, version } = engineOf(scenario, weights, workbench);
  const { limits } = scenario;
  const spec = workbench.model(id);
  const { contextLength } = spec;
  const layout = replicaLayoutOf(scenario, spec);
  const openContext = openContextOf(scenario, engine);
  const limit = stepLimitOf(scenario, engine);
  const options = optionsOf(scenario, engine);
  const state: PlannerState = {
    ...exampleState,
    model: id,
    gpu: scenario.hardware,
    engine,
    release: version,
    weights,
    kv: scenario.kv === undefined || scenario.kv === 'auto' ? null : scenario.kv,
    context: openContext === undefined ? contextOf(scenario, id, engine, contextLength) : contextLength,
    prompt: null,
    users: limits.maxSeqs ?? 1,
    tp: layout.tp,
    pp: layout.pp,
    dp: layout.dp,
    ep: layout.ep ? 'on' : null,
    options: limit === null ? options : { ...options, [limit.option]: String(limit.tokens) },
  };
  const request = { ...requestOf(state, workbench), engineVersion: version ?? undefined };
  const counted = { ...request, usersAreDefault: limits.maxSeqs === undefined };
  return openContext === undefined ? counted : withOwnContext(counted, openContext);
}

interface NamedEngine {
  readonly name: EngineName;
  readonly version: string | null;
}

/** `vllm`, `vllm@0.19.0`, or the usual engine of the device. */
function engineOf({ engine, hardware }: Scenario, weights: string | null, workbench: Workbench): NamedEngine {
  if (engine === undefined) {
    const isFile = isMixtureOfFiles(weights ?? '');
    return { name: usualEngine(workbench.hardware(hardware), isFile), version: null };
  }
  const [name = '', version = null] = engine.split('@');
  return { name: engineNamed(name).name, version };
}

/** The word that leaves the context to the engine; undefined if the scenario names a number of tokens. */
function openContextOf({ context }: Scenario, engine: EngineName): string | undefined {
  const { openContexts = [], choosesContext } = engineFace(engine);
  if (context === undefined && choosesContext === true) return openContexts[0];
  return openContexts.find((word) => word === String(context).trim());
}

function contextOf({ context }: Scenario, model: string, engine: EngineName, contextLength: number): number {
  if (context === undefined) return usualContext(contextLength);
  if (String(context).trim() === contextOfModel) return contextLength;
  const tokens = typeof context === 'number' ? context : parseTokens(context);
  if (tokens <= contextLength || engineFace(engine).runsPastTraining) return tokens;
  throw contextTooLong(tokens, { id: model, contextLength }, `context: ${contextLength}`);
}

/** The options of the scenario, each judged by the engine's own reader. */
function optionsOf({ options = {} }: Scenario, engine: EngineName): PlannerState['options'] {
  const specs = engineFace(engine).options;
  const read: Record<string, string> = {};
  for (const [key, value] of Object.entries(options)) {
    const name = value === false ? `no-${key}` : key;
    const spec = specs.find((candidate) => `${candidate.name}` === name.replace(/^--/, ''));
    const text = typeof value === 'boolean' ? 'on' : String(value);
    if (spec === undefined || spec.read === null) {
      throw new PlimsollError({
        code: 'unknown-option',
        message: `options.${key} is no option of ${engine} that a page can read`,
        value: key,
        limit: specs.flatMap((known) => (known.read === null ? [] : known.name)).join(', '),
      });
    }
    if (spec.read(text) === null) {
      throw new PlimsollError({
        code: 'bad-option',
        message: `options.${key}: "${text}" is not possible`,
        value: text,
        limit: spec.limit,
      });
    }
    read[spec.name] = text;
  }
  return read;
}
