/** Collects the step reports of `plimsoll serve` (`GET /v1/events`) while a load runs. */
import { get } from 'node:http';
import type { StepEvent } from './figures.ts';

export interface StepWatch {
  /** Ends the watch and returns the reports. */
  close(): readonly StepEvent[];
}

export function watchSteps(port: number): Promise<StepWatch> {
  return new Promise((resolve, reject) => {
    const events: StepEvent[] = [];
    const sent = get({ host: '127.0.0.1', port, path: '/v1/events' }, (response) => {
      let rest = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        const parts = (rest + chunk).split('\n\n');
        rest = parts.pop() ?? '';
        for (const part of parts) {
          const [, data] = part.split('\ndata: ');
          if (data !== undefined) events.push(JSON.parse(data) as StepEvent);
        }
      });
      response.on('error', () => undefined);
      resolve({
        close() {
          sent.destroy();
          return events;
        },
      });
    });
    sent.on('error', reject);
  });
}
