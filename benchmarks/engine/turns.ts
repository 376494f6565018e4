/**
 * Lets engines take turns on one model: the same prompt for each, A B C and then the memory's bandwidth, repeatedly.
 */
import { randomInteger, seededRandom } from '@plimsoll/foundation/random';
import type { BandwidthMeter } from './bandwidth.ts';
import type { EngineFigures, EngineResult, ModelResult } from './engine-record.ts';
import { type EngineSettings, type MeasuredProcess, startMeasured } from './measured-process.ts';
import type { Contender, EngineName } from './peers.ts';
import type { RandomModel } from './random-model.ts';

export interface TurnCounts {
  readonly repetitions: number;
  readonly promptTokens: number;
  readonly decodeTokens: number;
}

/** Enough tokens for WebAssembly to be optimised, and for every page of the weights to be touched. */
const warmUp = { promptTokens: 128, decodeTokens: 24 };
const promptSeed = 4711;

interface Player {
  readonly name: EngineName;
  readonly process: MeasuredProcess;
  readonly prefill: number[];
  readonly decode: number[];
  firstTokens: readonly number[];
}

export async function takeTurns(
  model: RandomModel,
  contenders: readonly Contender[],
  options: {
    readonly counts: TurnCounts;
    readonly settings: EngineSettings;
    readonly meter: BandwidthMeter;
  },
): Promise<Omit<ModelResult, 'load'>> {
  const { counts, settings, meter } = options;
  const { promptTokens, decodeTokens } = counts;
  const engines: Partial<Record<EngineName, EngineResult>> = {};
  const players = await startAll(model, contenders, { settings, engines });
  const random = seededRandom(promptSeed);
  const prompt = (length: number): number[] =>
    // The last two ids are control tokens, which ordinary prompts do not contain.
    Array.from({ length }, () => randomInteger(random, 0, model.vocabSize - 2));
  const bandwidth: number[] = [];
  try {
    const first = prompt(warmUp.promptTokens);
    for (const { process } of players) await process.measure(first, warmUp.decodeTokens);
    for (let turn = 0; turn < counts.repetitions; turn++) {
      const ids = prompt(promptTokens);
      for (const player of players) {
        const { prefillSeconds, decodeSeconds, tokens } = await player.process.measure(ids, decodeTokens);
        player.prefill.push(promptTokens / prefillSeconds);
        player.decode.push(decodeTokens / decodeSeconds);
        if (turn === 0) player.firstTokens = tokens;
      }
      bandwidth.push(meter.sample());
    }
  } finally {
    for (const { process } of players) await process.close();
  }
  const ours = players.find(({ name }) => name === 'plimsoll')?.firstTokens ?? [];
  for (const player of players) engines[player.name] = figuresOf(player, ours);
  const { shape, mixture, fileBytes, types, tokenWeightBytes, kvBytesPerToken } = model;
  const tokenBytes = tokenWeightBytes + kvBytesPerToken * (promptTokens + decodeTokens / 2);
  return { shape: shape.name, mixture, fileBytes, types, tokenBytes, engines, bandwidth };
}

/** Starts the engines one after another. An engine that refuses the model is noted and omitted. */
async function startAll(
  model: RandomModel,
  contenders: readonly Contender[],
  {
    settings,
    engines,
  }: {
    readonly settings: EngineSettings;
    readonly engines: Partial<Record<EngineName, EngineResult>>;
  },
): Promise<readonly Player[]> {
  const players: Player[] = [];
  for (const { name, program } of contenders) {
    if (program === null) continue;
    try {
      const process = await startMeasured(program, model.path, settings);
      players.push({ name, process, prefill: [], decode: [], firstTokens: [] });
    } catch (error) {
      engines[name] = { refused: error instanceof Error ? error.message : String(error) };
    }
  }
  return players;
}

function figuresOf(
  { process, prefill, decode, firstTokens }: Player,
  ours: readonly number[],
): EngineFigures {
  const { version, loadSeconds } = process.ready;
  const differs = firstTokens.findIndex((token, index) => token !== ours[index]);
  const sameTokens = differs === -1 ? firstTokens.length : differs;
  return { version, loadSeconds, prefill, decode, sameTokens };
}
