/**
 * Addresses of everything that a step uses in one arena, from the regions of the plan. Layout of `step tables`:
 *
 *   token ids | positions | per group: slots, table addresses, block tables | logit rows | rows that a draft joins |
 *   rotary tables | counter
 */
import { assert, defined } from '@plimsoll/foundation';
import { attentionScratchBytes } from '@plimsoll/kernels/kv-layout';
import type { EngineMemoryPlan, HeadBufferName, StepBufferName } from '@plimsoll/planner/engine-memory';
import type { ModelGraph } from '../model/graph.ts';

/** Addresses of the tables of one cache group. */
export interface GroupTables {
  /** u32 [stepTokens] */
  readonly slots: number;
  /** u32 [stepTokens]: address of the block table of each token's sequence. */
  readonly addresses: number;
  /** u32 [sequencesMax, blocksPerSequence] */
  readonly blockTables: number;
}

/** Addresses are bytes from the start of the arena. */
export interface ArenaLayout {
  /** Index of the arena. */
  readonly arena: number;
  readonly buffers: Readonly<Record<StepBufferName, number>>;
  readonly stepBuffersBytes: number;
  readonly quantised: number;
  readonly attentionScratch: number;
  readonly tokenIds: number;
  readonly positions: number;
  readonly groups: readonly GroupTables[];
  readonly logitRows: number;
  /** u32 [stepTokens, captured layers]: rows of `features`, in the order of `feature-rows`. */
  readonly featureRows: number;
  /** u32 [stepTokens, 2]: rows of `halves`, in the order of `joined`. */
  readonly joinedRows: number;
  /** f32 [stepTokens, rotaryDim / 2, 2] per rotation of the graph. */
  readonly rotations: readonly number[];
  /** One u32. */
  readonly counter: number;
}

const lineBytes = 64;

function aligned(size: number): number {
  return Math.ceil(size / lineBytes) * lineBytes;
}

/** Finds a region of the plan by name; asserts that the plan has it. */
function regionOf(plan: EngineMemoryPlan, name: string): { readonly offset: number; readonly bytes: number } {
  return defined(
    plan.regions.find((region) => region.name === name),
    `the plan has a region "${name}"`,
  );
}

export function blocksPerSequence(plan: EngineMemoryPlan): number {
  return Math.ceil(plan.settings.contextMax / plan.settings.blockTokens);
}

export function arenaLayouts(plan: EngineMemoryPlan, graph: ModelGraph): readonly ArenaLayout[] {
  checkScratch(plan, graph);
  return plan.storage.arenaBytes.map((_, arena) => arenaLayout(plan, graph, arena));
}

function arenaLayout(plan: EngineMemoryPlan, graph: ModelGraph, arena: number): ArenaLayout {
  const { stepTokens, sequencesMax, logitRows } = plan.settings;
  const steps = regionOf(plan, `step buffers ${arena}`);
  const tables = regionOf(plan, `step tables ${arena}`);
  let end = tables.offset;
  const take = (size: number): number => {
    const start = end;
    end += aligned(size);
    return start;
  };
  const layout: ArenaLayout = {
    arena,
    buffers: placeBuffers(plan, steps.offset),
    stepBuffersBytes: steps.bytes,
    quantised: regionOf(plan, `quantised activations ${arena}`).offset,
    attentionScratch: regionOf(plan, `attention scratch ${arena}`).offset,
    tokenIds: take(4 * stepTokens),
    positions: take(4 * stepTokens),
    groups: plan.blockGroups.map(() => ({
      slots: take(4 * stepTokens),
      addresses: take(4 * stepTokens),
      blockTables: take(4 * sequencesMax * blocksPerSequence(plan)),
    })),
    logitRows: take(4 * logitRows),
    featureRows: take(4 * stepTokens * (graph.draftInput?.layers ?? 0)),
    joinedRows: take(graph.draftInput === null ? 0 : 8 * stepTokens),
    rotations: graph.rotations.map(({ rotaryDim }) => take(4 * stepTokens * rotaryDim)),
    counter: take(4),
  };
  assert(
    end <= tables.offset + tables.bytes,
    `step tables take ${end - tables.offset} bytes, ${tables.bytes} are planned`,
  );
  return layout;
}

function placeBuffers(plan: EngineMemoryPlan, base: number): Readonly<Record<StepBufferName, number>> {
  const { buffers } = plan.stepBuffers;
  const at = (name: StepBufferName): number => base + buffers[name].offset;
  return {
    hidden: at('hidden'),
    normed: at('normed'),
    'layer-inputs': at('layer-inputs'),
    'layer-projection': at('layer-projection'),
    embedded: at('embedded'),
    features: at('features'),
    'feature-rows': at('feature-rows'),
    halves: at('halves'),
    joined: at('joined'),
    projections: at('projections'),
    attended: at('attended'),
    'gate-up': at('gate-up'),
    activated: at('activated'),
    router: at('router'),
    selection: at('selection'),
    'expert-input': at('expert-input'),
    'expert-output': at('expert-output'),
    'expert-sum': at('expert-sum'),
  };
}

/** The plan counts the kernels' scratch memory by its own formula; this check reveals a difference. */
function checkScratch(plan: EngineMemoryPlan, graph: ModelGraph): void {
  const { blockTokens, threads } = plan.settings;
  const planned = regionOf(plan, 'attention scratch 0').bytes;
  for (const { attention } of graph.layers) {
    const needed = attentionScratchBytes({ ...attention, blockTokens }, threads);
    assert(needed <= planned, `attention needs ${needed} bytes of scratch, ${planned} are planned`);
  }
}

export interface HeadLayout {
  readonly arena: number;
  readonly buffers: Readonly<Record<HeadBufferName, number>>;
}

export function headLayout(plan: EngineMemoryPlan): HeadLayout {
  const region = defined(
    plan.regions.find(({ name }) => name === 'head buffers'),
    'the plan has a region "head buffers"',
  );
  const { buffers } = plan.headBuffers;
  return {
    arena: region.arena,
    buffers: {
      'head-rows': region.offset + buffers['head-rows'].offset,
      logits: region.offset + buffers.logits.offset,
      candidates: region.offset + buffers.candidates.offset,
    },
  };
}
