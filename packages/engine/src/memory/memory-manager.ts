/**
 * The engine's one owner of memory. Everything the engine holds goes through here, and `ledger()` says what that is. A
 * facade: the parts are modules of their own, and all arithmetic is the planner's.
 *
 *   const manager = createMemoryManager({ memoryBytes });
 *   const plan = manager.plan(spec, options);   // refuses, with numbers, what does not fit
 *   manager.adopt(plan);                        // arenas open, every region placed
 *   manager.region('blk 0 attn_q.weight');      // { arena, offset, bytes }
 *   diffLedgers(plan.ledger, manager.ledger()); // empty
 *   manager.close();                            // back to zero
 */
import { assert, bytes, defined } from '@plimsoll/foundation';
import type { ModelSpec } from '@plimsoll/model-files';
import {
  admitEngineMemory,
  type EngineMemoryPlan,
  type EngineOptions,
  type MemoryBudget,
  planEngineMemory,
  type StoragePlan,
} from '@plimsoll/planner/engine-memory';
import type { Ledger, LedgerEntry } from '@plimsoll/planner/ledger';
import { type ArenaMemory, type ArenaSource, createWasmArena } from './arena.ts';
import { DeviceAllocator } from './device-allocator.ts';
import { ledgerEntries } from './ledger-entries.ts';
import { type Charge, MemoryAccount } from './memory-account.ts';
import { PinnedAllocator } from './pinned-allocator.ts';
import { type Region, VramAllocator } from './vram-allocator.ts';

export interface MemoryManagerOptions<Memory extends ArenaMemory> {
  /** What the whole process may take: `--memory N`, or what the machine has free. */
  readonly memoryBytes: number;
  readonly stagingBytes: number;
  readonly createArena: ArenaSource<Memory>;
}

/** What an engine holds because of one plan. */
interface Adopted {
  readonly plan: EngineMemoryPlan;
  readonly regions: ReadonlyMap<string, Region>;
  readonly charges: readonly Charge[];
}

export class MemoryManager<Memory extends ArenaMemory> {
  readonly vram: VramAllocator<Memory>;
  /** Host staging. Not made before it is used, or before a plan that counts it is adopted. */
  readonly pinned: PinnedAllocator;
  /** Scratch in arenas: the region `step buffers` of each, between steps and while loading. */
  readonly scratch: DeviceAllocator;
  readonly #account: MemoryAccount;
  #adopted: Adopted | null = null;

  constructor({ memoryBytes, stagingBytes, createArena }: MemoryManagerOptions<Memory>) {
    this.#account = new MemoryAccount({ totalBytes: memoryBytes, headroomBytes: 0 });
    this.vram = new VramAllocator(this.#account, createArena);
    this.pinned = new PinnedAllocator(this.#account, stagingBytes);
    this.scratch = new DeviceAllocator({
      open: (arena) => this.region(`step buffers ${arena}`),
      // The region is the plan's and is released with it.
      close: () => {},
    });
  }

  /** The budget of a model, whether or not it fits. */
  computeBudget(spec: ModelSpec, options: EngineOptions = {}): MemoryBudget {
    return planEngineMemory(this.#request(spec, options)).budget;
  }

  /** Where every weight would lie and in which format. Refuses what does not fit. */
  planStorage(spec: ModelSpec, options: EngineOptions = {}): StoragePlan {
    return this.plan(spec, options).storage;
  }

  /** The whole plan: what `adopt` allocates. Refuses what does not fit, naming the smallest changes. */
  plan(spec: ModelSpec, options: EngineOptions = {}): EngineMemoryPlan {
    return admitEngineMemory(this.#request(spec, options));
  }

  #request(spec: ModelSpec, options: EngineOptions): Parameters<typeof planEngineMemory>[0] {
    return {
      spec,
      // A plan counts staging itself, whether or not the pool was made already.
      freeBytes: this.#account.totalBytes - this.#account.allocatedBytes + this.pinned.allocatedBytes,
      options: { stagingBytes: this.pinned.poolBytes, ...options },
    };
  }

  /** Opens the arenas of a plan and its staging pool, and places every region. All or nothing. */
  adopt(plan: EngineMemoryPlan): void {
    assert(this.#adopted === null, 'a manager holds one plan at a time');
    assert(
      plan.settings.stagingBytes === this.pinned.poolBytes,
      `the plan counts ${plan.settings.stagingBytes} bytes of staging, the pool has ${this.pinned.poolBytes}`,
    );
    const regions = new Map<string, Region>();
    const charges: Charge[] = [];
    const arenas: number[] = [];
    try {
      this.#account.keepFree(headroomOf(plan));
      for (const { category, tag, tier, bytes: size } of plan.host) {
        // Staging is charged by its own pool.
        if (tag !== 'staging') charges.push(this.#account.charge({ category, tag, tier }, size));
      }
      for (const size of plan.storage.arenaBytes) arenas.push(this.vram.openArena(size));
      for (const region of plan.regions) {
        const arena = defined(arenas[region.arena], `the plan has an arena ${region.arena}`);
        assert(!regions.has(region.name), `the plan has two regions named ${region.name}`);
        regions.set(region.name, this.vram.place({ ...region, arena }));
      }
      // Last, because a pool that nobody has used yet can be given back without a trace.
      this.pinned.open();
    } catch (error) {
      this.#release(regions, charges);
      // Arenas close with their last region; these had none yet.
      for (const arena of arenas) if (this.vram.arenas.includes(arena)) this.vram.closeArena(arena);
      throw error;
    }
    this.#adopted = { plan, regions, charges };
  }

  /** A region of the adopted plan by name. Its arena is the allocator's index, which `vram.memory` takes. */
  region(name: string): Region {
    const { regions } = defined(this.#adopted, 'no plan was adopted');
    return defined(regions.get(name), `the plan has no region "${name}"`);
  }

  get adoptedPlan(): EngineMemoryPlan | null {
    return this.#adopted?.plan ?? null;
  }

  /** What is really held, and what is kept free. */
  ledger(): Ledger {
    const others = [...this.#account.charges()].filter(({ tier }) => tier === 'host');
    return {
      entries: [
        ...this.vram.report(),
        ...ledgerEntries(others, 'charges of the engine'),
        ...this.#headroomEntries(),
      ],
    };
  }

  #headroomEntries(): readonly LedgerEntry[] {
    const { headroomBytes } = this.#account;
    if (headroomBytes === 0) return [];
    return [
      {
        category: 'headroom',
        tag: 'kept free',
        tier: 'device',
        bytes: bytes(headroomBytes),
        derivation: {
          formula: 'bytes that no allocation may take',
          substituted: String(headroomBytes),
          source: 'budget of the engine',
        },
      },
    ];
  }

  /** Releases the plan, scratch and staging. Regions that others allocated in `vram` stay theirs. */
  close(): void {
    this.scratch.reset();
    this.scratch.close();
    this.pinned.close();
    if (this.#adopted === null) return;
    this.#release(this.#adopted.regions, this.#adopted.charges);
    this.#adopted = null;
  }

  #release(regions: ReadonlyMap<string, Region>, charges: readonly Charge[]): void {
    for (const region of regions.values()) this.vram.release(region);
    for (const charge of charges) this.#account.discharge(charge);
    this.#account.keepFree(0);
  }

  /** Recounts every part from what it holds. */
  checkIntegrity(): void {
    this.#account.checkIntegrity();
    this.vram.checkIntegrity();
    this.pinned.checkIntegrity();
    this.scratch.checkIntegrity();
    const { entries } = this.ledger();
    const held = entries.reduce(
      (sum, { category, bytes: size }) => sum + (category === 'headroom' ? 0 : size),
      0,
    );
    const { allocatedBytes } = this.#account;
    assert(held === allocatedBytes, `the ledger holds ${held} bytes, the account ${allocatedBytes}`);
  }
}

/** Bytes that the plan leaves free on purpose. */
function headroomOf(plan: EngineMemoryPlan): number {
  return plan.ledger.entries
    .filter(({ category }) => category === 'headroom')
    .reduce((sum, entry) => sum + entry.bytes, 0);
}

/** A manager on the Wasm backend: arenas are shared WebAssembly memories. */
export function createMemoryManager(options: {
  readonly memoryBytes: number;
  readonly stagingBytes?: number;
}): MemoryManager<WebAssembly.Memory> {
  return new MemoryManager({
    memoryBytes: options.memoryBytes,
    stagingBytes: options.stagingBytes ?? 0,
    createArena: createWasmArena,
  });
}
