/** Sends a planned load to a server: closed loops send the next request after an answer, open loops send it on time. */
import { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PlannedRequest } from './load-case.ts';
import { type CompletionTarget, type StreamedCompletion, streamedCompletion } from './streamed-completion.ts';

export interface LoadRun {
  readonly completions: readonly StreamedCompletion[];
  readonly seconds: number;
  /** Processor time of this process, which sends the load, as a share of one core. */
  readonly clientShare: number;
}

/** `clients` is null in an open loop. */
export async function runLoad(
  port: number,
  requests: readonly PlannedRequest[],
  clients: number | null,
): Promise<LoadRun> {
  // Each request has its own connection: llama-server closes a connection after a stream without a notice in its headers.
  const agent = new Agent({ keepAlive: false });
  const target = { port, agent };
  const processor = process.cpuUsage();
  const start = performance.now();
  try {
    const completions =
      clients === null
        ? await openLoop(target, requests, start)
        : await closedLoop(target, requests, clients);
    const seconds = (Math.max(...completions.map(({ endedAt }) => endedAt)) - start) / 1000;
    const { user, system } = process.cpuUsage(processor);
    return { completions, seconds, clientShare: (user + system) / 1e6 / seconds };
  } finally {
    agent.destroy();
  }
}

function openLoop(
  target: CompletionTarget,
  requests: readonly PlannedRequest[],
  start: number,
): Promise<readonly StreamedCompletion[]> {
  return Promise.all(
    requests.map(async (request) => {
      await sleep(start + 1000 * (request.atSeconds ?? 0) - performance.now());
      return streamedCompletion(target, request);
    }),
  );
}

async function closedLoop(
  target: CompletionTarget,
  requests: readonly PlannedRequest[],
  clients: number,
): Promise<readonly StreamedCompletion[]> {
  const left = requests[Symbol.iterator]();
  const completions: StreamedCompletion[] = [];
  const client = async (): Promise<void> => {
    for (const request of left) completions.push(await streamedCompletion(target, request));
  };
  await Promise.all(Array.from({ length: clients }, client));
  return completions;
}
