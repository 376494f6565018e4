/**
 * The owner of an engine's memory. The engine allocates only here, and `ledger()` lists every allocation. This class is
 * a facade: its parts are modules of their own, and the planner does all arithmetic.
 *
 *   const manager = createMemoryManager({ memoryBytes });
 *   const plan = manager.plan(spec, options);   // throws, with numbers, if the model does not fit
 *   manager.adopt(plan);                        // opens the arenas and places every region
 *   manager.region('blk 0 attn_q.weight');      // { category, tag, arena, offset, bytes }
 *   diffLedgers(plan.ledger, manager.ledger()); // returns no difference
 *   manager.close();                            // frees everything
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
  /** Memory limit of the whole process: `--memory N`, or the free memory of the machine. */
  readonly memoryBytes: number;
  /** Size of the host staging pool for spilled blocks; 0 for no pool. */
  readonly stagingBytes: number;
  readonly createArena: ArenaSource<Memory>;
}

/** The regions and charges of an adopted plan. */
interface Adopted {
  readonly plan: EngineMemoryPlan;
  readonly regions: ReadonlyMap<string, Region>;
  readonly charges: readonly Charge[];
}

export class MemoryManager<Memory extends ArenaMemory> {
  readonly vram: VramAllocator<Memory>;
  /** Host staging. `adopt`, or the first block, opens its pool. */
  readonly pinned: PinnedAllocator;
  /** Scratch blocks inside the region `step buffers` of each arena. Every step overwrites them. */
  readonly scratch: DeviceAllocator;
  readonly #account: MemoryAccount;
  #adopted: Adopted | null = null;

  constructor({ memoryBytes, stagingBytes, createArena }: MemoryManagerOptions<Memory>) {
    this.#account = new MemoryAccount({ totalBytes: memoryBytes, headroomBytes: 0 });
    this.vram = new VramAllocator(this.#account, createArena);
    this.pinned = new PinnedAllocator(this.#account, stagingBytes);
    this.scratch = new DeviceAllocator({
      open: (arena) => this.region(`step buffers ${arena}`),
      // The region belongs to the plan and is released with the plan.
      close: () => {},
    });
  }

  /** Computes the budget of a model, even if the model does not fit. */
  computeBudget(spec: ModelSpec, options: EngineOptions = {}): MemoryBudget {
    return planEngineMemory(this.#request(spec, options)).budget;
  }

  /** Plans the place and format of every weight. Throws a PlimsollError if the model does not fit. */
  planStorage(spec: ModelSpec, options: EngineOptions = {}): StoragePlan {
    return this.plan(spec, options).storage;
  }

  /**
   * Makes the plan that `adopt` allocates. If the model does not fit, throws an error that names the smallest changes.
   */
  plan(spec: ModelSpec, options: EngineOptions = {}): EngineMemoryPlan {
    return admitEngineMemory(this.#request(spec, options));
  }

  #request(spec: ModelSpec, options: EngineOptions): Parameters<typeof planEngineMemory>[0] {
    return {
      spec,
      // The plan counts staging itself, so the bytes of an open pool count as free.
      freeBytes: this.#account.totalBytes - this.#account.allocatedBytes + this.pinned.allocatedBytes,
      options: { stagingBytes: this.pinned.poolBytes, ...options },
    };
  }

  /** Opens the arenas and the staging pool of a plan, and places every region. If a part fails, nothing stays open. */
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
        // The staging pool charges itself.
        if (tag !== 'staging') charges.push(this.#account.charge({ category, tag, tier }, size));
      }
      for (const size of plan.storage.arenaBytes) arenas.push(this.vram.openArena(size));
      for (const region of plan.regions) {
        const arena = defined(arenas[region.arena], `the plan has an arena ${region.arena}`);
        assert(!regions.has(region.name), `the plan has two regions named ${region.name}`);
        regions.set(region.name, this.vram.place({ ...region, arena }));
      }
      // The pool opens last: nothing after it can fail, so the catch block need not close it.
      this.pinned.open();
    } catch (error) {
      this.#release(regions, charges);
      // An arena closes with its last region. The arenas that are still open never had a region.
      for (const arena of arenas) if (this.vram.arenas.includes(arena)) this.vram.closeArena(arena);
      throw error;
    }
    this.#adopted = { plan, regions, charges };
  }

  /** Finds a region of the adopted plan by name. Its `arena` is an index for `vram.memory`. */
  region(name: string): Region {
    const { regions } = defined(this.#adopted, 'no plan was adopted');
    return defined(regions.get(name), `the plan has no region "${name}"`);
  }

  get adoptedPlan(): EngineMemoryPlan | null {
    return this.#adopted?.plan ?? null;
  }

  /** Lists the bytes that are really held, and the headroom. */
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

  /** Releases the plan, scratch and staging. Regions that callers allocated in `vram` stay allocated. */
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

  /** Recounts every part from its blocks, regions and charges. */
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

/** Creates a manager whose arenas are shared WebAssembly memories. `stagingBytes` defaults to 0. */
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
