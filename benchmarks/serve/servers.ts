/** The servers of the benchmark, and how each is started on a model. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { MiB } from '@plimsoll/foundation';
import { type LlamaServer, llamaServer, type PeerBuild } from './llama-server.ts';
import type { ServerCommand } from './server-process.ts';

export const serverNames = ['plimsoll', 'llama-server'] as const;

export type ServerName = (typeof serverNames)[number];

export interface ServerSettings {
  readonly threads: number;
  /** Sequences that the server computes at once. */
  readonly slots: number;
  /** Tokens of one sequence. */
  readonly context: number;
  readonly peerBuild: PeerBuild;
}

export interface ServerProgram {
  readonly name: ServerName;
  start(path: string, port: number): ServerCommand;
  /** Words of the command for the report. */
  readonly shown: string;
  /** Reads the version and the build from the output of the running server. */
  version(output: string): string;
}

const program = join(import.meta.dirname, '../../apps/plimsoll/bin/plimsoll.js');

export function serverProgram(name: ServerName, settings: ServerSettings): ServerProgram {
  return name === 'plimsoll' ? plimsoll(settings) : llama(settings, llamaServer(settings.peerBuild));
}

function plimsoll({ threads, slots, context }: ServerSettings): ServerProgram {
  const words = [
    '--threads',
    String(threads),
    '--max-seqs',
    String(slots),
    '--ctx',
    String(context),
    '--quiet',
  ];
  // The default would take most of the machine's memory; this leaves room for weights in a larger format and a cache.
  const memory = (path: string): string => `${Math.ceil((2 * statSync(path).size) / MiB) + 2048}MiB`;
  return {
    name: 'plimsoll',
    start: (path, port) => ({
      command: process.execPath,
      arguments: [program, 'serve', path, '--port', String(port), '--memory', memory(path), ...words],
      readyPath: '/ready',
    }),
    shown: `plimsoll serve MODEL --memory (2 x file + 2 GiB) ${words.join(' ')}`,
    version: () => `this commit, Node ${process.version}`,
  };
}

/** Its defaults, except for the number of slots, which its default of 4 would limit. */
function llama({ threads, slots, context }: ServerSettings, server: LlamaServer): ServerProgram {
  const words = ['-t', String(threads), '-np', String(slots), '-c', String(slots * context)];
  return {
    name: 'llama-server',
    start: (path, port) => ({
      command: server.command,
      arguments: [...server.arguments, '-m', path, '--host', '127.0.0.1', '--port', String(port), ...words],
      readyPath: '/health',
    }),
    shown: `llama-server -m MODEL ${words.join(' ')}`,
    version: (output) => `${server.version}, ${/CPU : (?:\w+ = \d \| )+/.exec(output)?.[0].trim() ?? ''}`,
  };
}
