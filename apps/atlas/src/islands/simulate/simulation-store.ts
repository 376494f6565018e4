/**
 * The state of the page of simulations: one or two scenarios, each a text with its last result, and what runs. The text is
 * the truth: a field of the form changes the text, and the form shows what the text says.
 */
import { PlimsollError } from '@plimsoll/foundation';
import type { ScenarioDraft } from './state/drafts.ts';
import type { ScenarioEdit } from './state/scenario-paths.ts';
import type { Curve } from './worker/goodput-curve.ts';
import type { ScenarioResult } from './worker/run-scenario.ts';
import type { SimulatorProgress } from './worker/worker-messages.ts';

export interface Side {
  readonly draft: ScenarioDraft;
  /** Null before the first run. */
  readonly result: ScenarioResult | null;
  readonly curve: Curve | null;
  /** The scenario that `result` belongs to, and the text that `curve` belongs to. */
  readonly ran: Pick<ScenarioDraft, 'text' | 'fields'> | null;
  readonly curveText: string | null;
  /** The timeline as a file; null until the page has run the scenario. */
  readonly svg: string | null;
}

export type Running =
  | { readonly kind: 'run'; readonly side: number; readonly ended: number; readonly requests: number }
  | { readonly kind: 'curve'; readonly side: number; readonly points: number; readonly of: number };

export interface SimulationView {
  readonly sides: readonly Side[];
  /** The scenario that the form shows. */
  readonly active: number;
  readonly running: Running | null;
  readonly failure: PlimsollError | null;
  readonly wasStopped: boolean;
}

export interface SimulationStart {
  readonly draft: ScenarioDraft;
  readonly result: ScenarioResult;
  readonly curve: Curve;
}

export type PageSimulator = typeof import('./worker/page-simulator.ts');

const loadSimulator = (): Promise<PageSimulator> => import('./worker/page-simulator.ts');

/** Fetches the simulator before the first question. If this fails, the question fails too and reports the error. */
export function warmSimulator(): void {
  loadSimulator().catch(() => undefined);
}

export class SimulationStore {
  #view: SimulationView;
  #onChange: (view: SimulationView) => void = () => {};
  /** One change after another: a second change may come before the first answer, and must not undo the first change. */
  #changes: Promise<void> = Promise.resolve();

  constructor({ draft, result, curve }: SimulationStart) {
    this.#view = {
      sides: [{ draft, result, curve, ran: draft, curveText: draft.text, svg: null }],
      active: 0,
      running: null,
      failure: null,
      wasStopped: false,
    };
  }

  get view(): SimulationView {
    return this.#view;
  }

  /** Reads the address, runs what it asks for, and reports each change. */
  start(onChange: (view: SimulationView) => void): void {
    this.#onChange = onChange;
    const { search } = location;
    if (search === '') return;
    void this.#orFail(async () => {
      const { openAddress } = await loadSimulator();
      const drafts = await openAddress(search);
      if (drafts.length === 0) return;
      this.#set({ sides: drafts.map(unrun), active: 0 });
      if (drafts.every(({ problem }) => problem === null)) await this.run();
    });
  }

  edit(edits: readonly ScenarioEdit[]): void {
    this.#change((simulator, text) => simulator.editDraft(text, edits));
  }

  type(text: string): void {
    this.#change((simulator) => simulator.readDraft(text));
  }

  choose(example: string): void {
    this.#change((simulator) => simulator.openExample(example));
  }

  show(active: number): void {
    this.#set({ active });
  }

  /** Adds a second scenario, a copy of the first, or removes it. */
  compare(isCompared: boolean): void {
    const [first] = this.#view.sides;
    if (first === undefined) return;
    this.#set(isCompared ? { sides: [first, first], active: 1 } : { sides: [first], active: 0 });
    void this.#orFail(() => this.#showInAddress());
  }

  async search<Row>(find: (simulator: PageSimulator) => Promise<readonly Row[]>): Promise<readonly Row[]> {
    let rows: readonly Row[] = [];
    await this.#orFail(async () => {
      rows = await find(await loadSimulator());
    });
    return rows;
  }

  run(): Promise<void> {
    return this.#inTurn(async (simulator, index, side) => {
      const { text } = side.draft;
      this.#set({ running: { kind: 'run', side: index, ended: 0, requests: 0 } });
      const onProgress = (progress: SimulatorProgress): void => {
        if (progress.kind === 'run') this.#set({ running: { ...progress, side: index } });
      };
      const { svg, ...result } = await simulator.runText(text, onProgress);
      const curve = side.curveText === text ? side.curve : null;
      this.#setSide(index, { result, svg, ran: side.draft, curve });
    });
  }

  drawCurves(): Promise<void> {
    return this.#inTurn(async (simulator, index, side) => {
      // Both scenarios get the loads of the first, so that their curves have one axis.
      const loads = index === 0 ? null : (this.#view.sides[0]?.curve?.loads ?? null);
      this.#set({ running: { kind: 'curve', side: index, points: 0, of: 0 } });
      this.#setSide(index, { curve: null, curveText: side.draft.text });
      const curve = await simulator.drawCurve(side.draft.text, loads, (progress) => {
        if (progress.kind !== 'curve') return;
        const { loads: all, points } = progress;
        this.#set({ running: { kind: 'curve', side: index, points: points.length, of: all.loads.length } });
        this.#setSide(index, { curve: { loads: all, points } });
      });
      this.#setSide(index, { curve });
    });
  }

  stop(): void {
    void loadSimulator().then((simulator) => simulator.stopRun());
  }

  #change(make: (simulator: PageSimulator, text: string) => Promise<ScenarioDraft>): void {
    const { active } = this.#view;
    this.#changes = this.#changes.then(() =>
      this.#orFail(async () => {
        const text = this.#view.sides[active]?.draft.text ?? '';
        this.#setSide(active, { draft: await make(await loadSimulator(), text) });
        await this.#showInAddress();
      }),
    );
  }

  /** Runs every scenario, one after another. */
  async #inTurn(
    runSide: (simulator: PageSimulator, index: number, side: Side) => Promise<void>,
  ): Promise<void> {
    if (this.#view.running !== null) return;
    // A change that a reader has just made belongs to the run.
    await this.#changes;
    await this.#orFail(async () => {
      const simulator = await loadSimulator();
      for (const [index, side] of this.#view.sides.entries()) await runSide(simulator, index, side);
    });
    this.#set({ running: null });
  }

  async #showInAddress(): Promise<void> {
    const { addressOfDrafts } = await loadSimulator();
    const query = await addressOfDrafts(this.#view.sides.map(({ draft }) => draft));
    const { pathname, hash } = location;
    history.replaceState(null, '', `${pathname}${query === null ? '' : `?${query}`}${hash}`);
  }

  async #orFail(act: () => Promise<void>): Promise<void> {
    try {
      this.#set({ failure: null, wasStopped: false });
      await act();
    } catch (error) {
      const failure =
        error instanceof PlimsollError ? error : new PlimsollError({ code: 'bug', message: String(error) });
      this.#set(failure.code === 'run-stopped' ? { wasStopped: true } : { failure });
    }
  }

  #set(next: Partial<SimulationView>): void {
    this.#view = { ...this.#view, ...next };
    this.#onChange(this.#view);
  }

  #setSide(index: number, next: Partial<Side>): void {
    this.#set({ sides: this.#view.sides.map((side, at) => (at === index ? { ...side, ...next } : side)) });
  }
}

function unrun(draft: ScenarioDraft): Side {
  return { draft, result: null, curve: null, ran: null, curveText: null, svg: null };
}
