/** Counts the calls that generate, and refuses new ones while the server is full or drains. */
import { PlimsollError } from '@plimsoll/foundation';

export class RequestGate {
  readonly #activeMax: number;
  #active = 0;
  #isDraining = false;
  #wakeIdle: (() => void) | null = null;

  constructor(activeMax: number) {
    this.#activeMax = activeMax;
  }

  get activeCount(): number {
    return this.#active;
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  refuseWhileDraining(): void {
    if (this.#isDraining) throw draining();
  }

  /** Admits a call and returns the function that ends it, or throws. */
  enter(): () => void {
    this.refuseWhileDraining();
    if (this.#active >= this.#activeMax) throw full(this.#activeMax);
    this.#active++;
    return () => {
      this.#active--;
      if (this.#active === 0) this.#wakeIdle?.();
    };
  }

  /** Refuses new calls from now on. Resolves when the last call has ended. */
  async drain(): Promise<void> {
    this.#isDraining = true;
    if (this.#active === 0) return;
    await new Promise<void>((resolve) => {
      this.#wakeIdle = resolve;
    });
  }
}

function draining(): PlimsollError {
  return new PlimsollError({
    code: 'server-draining',
    message: 'the server is stopping and accepts no new requests',
    hint: 'send the request to another server',
  });
}

function full(limit: number): PlimsollError {
  return new PlimsollError({
    code: 'queue-full',
    message: `the server works on ${limit} requests already`,
    value: limit,
    limit,
    hint: 'try again later',
  });
}
