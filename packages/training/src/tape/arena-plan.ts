/**
 * The plan of a training arena: weights, gradients and moments in flat ranges, then one range that the recordings share.
 * The plan is made before anything is allocated, and is a ledger like every other plan.
 */
import { bytes, formatCount, PlimsollError } from '@plimsoll/foundation';
import type { Ledger, LedgerEntry } from '@plimsoll/planner/ledger';
import type { ParameterSet } from './parameter-set.ts';
import { alignedElements, type Lifetime, placeByLifetime } from './placement.ts';
import type { Recording } from './tape.ts';
import type { Region } from './tensor.ts';
import { largerPanels, noPanels, type PanelSizes, wasmArenaBytes } from './wasm-memory.ts';

export interface ArenaPlan {
  readonly elementCount: number;
  readonly panels: PanelSizes;
  /** First element of each flat range. */
  readonly starts: {
    readonly parameters: number;
    readonly gradients: number;
    readonly firstMoments: number;
    readonly secondMoments: number;
    readonly frozen: number;
    readonly transient: number;
  };
  /** First element of every region of weights and gradients. */
  readonly lasting: ReadonlyMap<Region, number>;
  /** For each recording, the first element of its own regions. */
  readonly placements: ReadonlyMap<Recording, ReadonlyMap<Region, number>>;
  readonly ledger: Ledger;
}

/** The largest arena of the kernels: 4 GiB less one page of 64 KiB. */
const arenaBytesMax = 65_535 * 65_536;

function isTransient({ kind }: Region): boolean {
  return kind === 'inputs' || kind === 'activations' || kind === 'workspace';
}

/** Inputs are filled before the first step and may be read again by a rerun, so they live through the whole recording. */
function lifetimesOf({ steps }: Recording): readonly Lifetime<Region>[] {
  const lives = new Map<Region, { first: number; last: number }>();
  for (const [index, { uses }] of steps.entries()) {
    for (const region of uses.filter(isTransient)) {
      const life = lives.get(region) ?? { first: index, last: index };
      life.last = index;
      lives.set(region, life);
    }
  }
  return [...lives].map(([item, { first, last }]) => {
    const isInput = item.kind === 'inputs';
    return { item, elements: item.elements, first: isInput ? 0 : first, last: isInput ? steps.length : last };
  });
}

export function planArena(parameters: ParameterSet, recordings: readonly Recording[]): ArenaPlan {
  const { trainedElements, frozenElements } = parameters;
  const starts = {
    parameters: 0,
    gradients: trainedElements,
    firstMoments: 2 * trainedElements,
    secondMoments: 3 * trainedElements,
    frozen: 4 * trainedElements,
    transient: 4 * trainedElements + frozenElements,
  };
  const lasting = new Map<Region, number>();
  for (const { tensor, offset, isTrained } of parameters.parameters) {
    lasting.set(tensor.region, offset + (isTrained ? starts.parameters : starts.frozen));
    const gradient = parameters.gradients.get(tensor.region);
    if (gradient !== undefined) lasting.set(gradient, starts.gradients + offset);
  }
  let transientElements = 0;
  let panels = noPanels;
  const placements = new Map<Recording, ReadonlyMap<Region, number>>();
  for (const recording of recordings) {
    const { offsets, elements } = placeByLifetime(lifetimesOf(recording));
    const places = [...offsets].map(([region, offset]) => [region, starts.transient + offset] as const);
    placements.set(recording, new Map(places));
    transientElements = Math.max(transientElements, elements);
    panels = largerPanels(panels, recording.panels);
  }
  const elementCount = starts.transient + alignedElements(transientElements);
  const ledger = ledgerOf({ trainedElements, frozenElements, transientElements, panels, elementCount });
  checkSize(wasmArenaBytes(elementCount, panels));
  return { elementCount, panels, starts, lasting, placements, ledger };
}

function checkSize(arenaBytes: number): void {
  if (arenaBytes <= arenaBytesMax) return;
  throw new PlimsollError({
    code: 'training-memory-too-large',
    message: `training needs an arena of ${formatCount(arenaBytes)} bytes`,
    value: arenaBytes,
    limit: arenaBytesMax,
    hint: 'shorten maxLength, or lower the batch size or the draft vocabulary',
  });
}

interface Sizes {
  readonly trainedElements: number;
  readonly frozenElements: number;
  readonly transientElements: number;
  readonly panels: PanelSizes;
  readonly elementCount: number;
}

function ledgerOf({
  trainedElements,
  frozenElements,
  transientElements,
  panels,
  elementCount,
}: Sizes): Ledger {
  const source = 'packages/training/src/tape/arena-plan.ts';
  const entry = (
    place: Pick<LedgerEntry, 'category' | 'tag'>,
    size: number,
    derivation: readonly [formula: string, substituted: string],
  ): LedgerEntry => {
    const [formula, substituted] = derivation;
    return { ...place, tier: 'host', bytes: bytes(size), derivation: { formula, substituted, source } };
  };
  const trained = 4 * trainedElements;
  const workspace = wasmArenaBytes(elementCount, panels) - 4 * elementCount;
  return {
    entries: [
      entry({ category: 'draft', tag: 'trained weights' }, trained, [
        '4 x weights',
        `4 x ${trainedElements}`,
      ]),
      entry({ category: 'draft', tag: 'gradients' }, trained, ['4 x weights', `4 x ${trainedElements}`]),
      entry({ category: 'draft', tag: 'AdamW moments' }, 2 * trained, [
        '2 x 4 x weights',
        `2 x 4 x ${trainedElements}`,
      ]),
      entry({ category: 'weights', tag: 'frozen target weights' }, 4 * frozenElements, [
        '4 x weights',
        `4 x ${frozenElements}`,
      ]),
      entry({ category: 'activations', tag: 'training step' }, 4 * alignedElements(transientElements), [
        '4 x elements placed by lifetime, of the largest recording',
        `4 x ${alignedElements(transientElements)}`,
      ]),
      entry({ category: 'workspace', tag: 'packed operands' }, workspace, [
        'control region + tiles + panels of the largest product',
        `${workspace - 4 * (panels.left + panels.right)} + 4 x ${panels.left + panels.right}`,
      ]),
    ],
  };
}
