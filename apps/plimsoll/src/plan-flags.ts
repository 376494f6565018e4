/** Turns the flags of `plimsoll plan` into a request. Every value is checked here, once. */
import { existsSync } from 'node:fs';
import { PlimsollError, parseBytes, parseTokens } from '@plimsoll/foundation';
import type { ModelSpec } from '@plimsoll/model-files/spec';
import { type PlanRequest, usualEngine, type Workload, withOwnContext } from '@plimsoll/planner';
import {
  contextOfModel,
  contextTooLong,
  type EngineName,
  engineFace,
  engineNamed,
  usualContext,
  usualDraftTokens,
} from '@plimsoll/planner/engines';
import { isMixtureOfFiles, parseElementType, parseKvFormat } from '@plimsoll/planner/formats';
import { type HardwareRecord, largerHardware, resolveHardware, shippedRegistry } from '@plimsoll/registry';
import { badFlag, lonelyFlag } from './flag-values.ts';
import { engineOfFlags, optionsOf } from './option-flags.ts';
import { printMessage } from './output.ts';

/** Flags as commander reads them, including the options of engines under the names that the engines list. */
export interface PlanFlags extends Readonly<Record<string, unknown>> {
  readonly gpu?: string;
  readonly compare?: string;
  readonly context?: string;
  readonly users?: string;
  readonly prompt?: string;
  readonly cachedPrompt?: string;
  readonly engine?: string;
  readonly weights?: string;
  readonly dtype?: string;
  readonly kv?: string;
  readonly tp?: string;
  readonly pp?: string;
  readonly dp?: string;
  readonly ep?: boolean;
  readonly memory?: string;
  readonly commandModel?: string;
  readonly offline?: boolean;
  readonly draft?: string;
  readonly draftTokens?: string;
  readonly assume?: string;
  readonly explain?: boolean;
  readonly json?: boolean;
  readonly ask?: boolean;
}

type WorkloadFlags = Pick<PlanFlags, 'context' | 'users' | 'prompt' | 'cachedPrompt'>;

/** The models of a plan. */
export interface PlannedModels {
  readonly spec: ModelSpec;
  /** The model argument as the user typed it. */
  readonly reference: string;
  /** The typed name of a checkpoint that holds the weights of `spec` in the format of the flag --weights. */
  readonly checkpoint?: string | undefined;
  /** Null without --draft. */
  readonly draft: ModelSpec | null;
}

export function planRequest(models: PlannedModels, flags: PlanFlags): PlanRequest {
  const { spec, reference: model, draft, checkpoint } = models;
  const devices = devicesOf(flags);
  const [hardware] = devices;
  const isGguf = spec.source === 'gguf' || isMixtureOfFiles(flags.weights ?? '');
  const [engine, engineVersion] = engineOf(flags, isGguf, hardware);
  if (draft === null && flags.draftTokens !== undefined)
    throw lonelyFlag('--draft-tokens', '--draft <model>');
  const openContext = openContextOf(flags, engine);
  const request: PlanRequest = {
    spec,
    modelReference: existsSync(model) ? model : undefined,
    convertedReference: checkpoint,
    hardware,
    devices: areUnlike(devices) ? splitDevices(devices, engine) : undefined,
    largerDevices: (bytesMin) => largerHardware(shippedRegistry, hardware, bytesMin),
    parallelism: parallelismOf(flags, engine, devices.length),
    engine,
    engineVersion,
    weights: flags.weights,
    elementType: flags.dtype === undefined ? undefined : elementTypeOf(flags.dtype),
    kvFormat: flags.kv === undefined || flags.kv === 'auto' ? undefined : parseKvFormat(flags.kv),
    // A comparison may plan devices with different engines; each engine takes the flags that it has.
    options: {
      ...optionsOf(flags, engine, { isOneEngine: flags.compare === undefined, note: printMessage }),
      draft:
        draft === null ? undefined : { spec: draft, reference: flags.draft, tokens: draftTokensOf(flags) },
    },
    workload: workloadOf(
      spec,
      openContext === undefined ? flags : { ...flags, context: contextOfModel },
      engine,
    ),
    usersAreDefault: flags.users === undefined,
  };
  return openContext === undefined ? request : withOwnContext(request, openContext);
}

/** The word that leaves the context to the engine; undefined if the user names a number of tokens. */
function openContextOf({ context }: PlanFlags, engine: EngineName): string | undefined {
  const { openContexts = [], choosesContext } = engineFace(engine);
  if (context === undefined && choosesContext === true) return openContexts[0];
  return openContexts.find((word) => word === context?.trim());
}

function draftTokensOf({ draftTokens }: PlanFlags): number {
  return count(draftTokens, 'draft-tokens') ?? usualDraftTokens;
}

/** Users, context and prompt of a plan or a ranking; the engine is null where each device has another. */
export function workloadOf(spec: ModelSpec, flags: WorkloadFlags, engine: EngineName | null): Workload {
  const contextTokens = contextOf(spec, flags);
  if (contextTokens > spec.contextLength && (engine === null || !engineFace(engine).runsPastTraining))
    throw contextTooLong(contextTokens, spec, `--context ${spec.contextLength}`);
  const promptTokens = flags.prompt === undefined ? undefined : parseTokens(flags.prompt);
  const cachedTokens = flags.cachedPrompt === undefined ? undefined : parseTokens(flags.cachedPrompt);
  if (promptTokens !== undefined && promptTokens > contextTokens) {
    throw badFlag('prompt', String(flags.prompt), `at most the context of ${contextTokens} tokens`);
  }
  if (cachedTokens !== undefined && cachedTokens >= (promptTokens ?? contextTokens)) {
    throw badFlag(
      'cached-prompt',
      String(flags.cachedPrompt),
      `less than the prompt of ${promptTokens ?? contextTokens} tokens`,
    );
  }
  return { contextTokens, users: count(flags.users, 'users') ?? 1, promptTokens, cachedTokens };
}

/** `--context 0` means the training length of the model. */
function contextOf({ contextLength }: ModelSpec, { context }: WorkloadFlags): number {
  if (context === undefined) return usualContext(contextLength);
  return context.trim() === contextOfModel ? contextLength : parseTokens(context);
}

type Devices = readonly [HardwareRecord, ...HardwareRecord[]];

/** `--gpu rtx-3090,rtx-4070` or `2xrtx-3090`: every device, in the order in which the engine numbers them. */
function devicesOf(flags: PlanFlags): Devices {
  const parts = (flags.gpu ?? '').split(/[,+]/).flatMap((part) => {
    const [, times = '1', name = part] = /^\s*(\d{1,3})\s*x\s*(.+)$/i.exec(part) ?? [];
    return new Array<string>(Math.max(1, Number(times))).fill(name.trim());
  });
  const [first = '', ...rest] = parts;
  return [deviceOf(first, flags), ...rest.map((name) => deviceOf(name, flags))];
}

function areUnlike(devices: Devices): boolean {
  return devices.some(({ id }) => id !== devices[0].id);
}

function splitDevices(devices: Devices, engine: EngineName): Devices {
  const { split, takesUnlikeDevices } = engineFace(engine);
  if (split === 'layers' || takesUnlikeDevices === true) return devices;
  throw new PlimsollError({
    code: 'unlike-devices',
    message: `${engine} cuts every layer over its devices, which must be alike`,
    value: devices.map(({ id }) => id).join(','),
    limit: 'devices of one kind',
    hint: '--engine llama.cpp puts whole layers on unlike devices',
  });
}

/** Several devices without --tp, --pp or --dp share the model as the engine usually does. */
function parallelismOf(flags: PlanFlags, engine: EngineName, devices: number): PlanRequest['parallelism'] {
  const { tp, pp, dp } = flags;
  const isUnsaid = tp === undefined && pp === undefined && dp === undefined;
  const splitsLayers = engineFace(engine).split === 'layers';
  return {
    tensor: count(tp, 'tp') ?? (isUnsaid && !splitsLayers ? devices : 1),
    pipeline: count(pp, 'pp') ?? (isUnsaid && splitsLayers ? devices : 1),
    data: count(dp, 'dp') ?? 1,
    expertParallel: flags.ep === true,
  };
}

/** --memory replaces the usable and the nominal size of the record. */
function deviceOf(name: string, flags: PlanFlags): HardwareRecord {
  const record = resolveHardware(name);
  if (flags.memory === undefined) return record;
  const usableBytes = parseBytes(flags.memory);
  return { ...record, memory: { ...record.memory, usableBytes, nominalBytes: usableBytes } };
}

/** Engine and version: from --engine, else the engine of the given flags, else the usual engine of the device. */
function engineOf(
  flags: PlanFlags,
  isGguf: boolean,
  hardware: HardwareRecord,
): readonly [EngineName, string | undefined] {
  if (flags.engine === undefined) {
    const usual = usualEngine(hardware, isGguf);
    return [flags.compare === undefined ? engineOfFlags(flags, usual) : usual, undefined];
  }
  const [name = '', version] = flags.engine.split('@');
  return [engineNamed(name).name, version];
}

function elementTypeOf(text: string): PlanRequest['elementType'] {
  const type = text === 'auto' ? undefined : parseElementType(text);
  if (type === null) throw badFlag('dtype', text, 'bfloat16, float16, float32 or auto');
  return type;
}

function count(text: string | undefined, flag: string): number | undefined {
  return text === undefined ? undefined : wholeNumber(text, flag, 1);
}

/** Largest count of any flag: above it sums leave the range of exact integers. */
const countMax = 10_000_000;

function wholeNumber(text: string, flag: string, minimum: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= minimum && value <= countMax) return value;
  throw badFlag(flag, text, `a whole number from ${minimum} to ${countMax}`);
}
