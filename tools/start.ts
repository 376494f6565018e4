/**
 * Serves the site with its planner on the loopback address of this machine; builds it first if its sources have
 * changed.
 *   npm start [-- --port 4680]
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { PlimsollError } from '@plimsoll/foundation';

const tell = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

try {
  // Printed before server and registry load, which takes seconds on a slow machine.
  tell('the site of Plimsoll: looking whether it is built and up to date');
  const { buildSite } = await import('../apps/atlas/src/server/site-build.ts');
  const { firstPort, startSite } = await import('../apps/atlas/src/server/site-server.ts');
  const { values } = parseArgs({ options: { port: { type: 'string', default: String(firstPort) } } });
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new PlimsollError({
      code: 'bad-port',
      message: `"${values.port}" is not a port`,
      value: values.port,
      limit: 'a whole number from 0 (any free one) to 65535',
    });
  }
  const { directory, built } = await buildSite(join(import.meta.dirname, '..'), { report: tell });
  const { url } = await startSite(directory, port);
  const places = [
    ['', 'the start: how many users fit, and why'],
    ['/planner/?model=gpt-oss-20b&gpu=rtx-4090', 'any model on any device'],
    ['/docs/systems/memory/', 'what fills a GPU'],
  ];
  const lines = places.map(([path = '', meaning = '']) => `  ${`${url}${path}`.padEnd(66)}${meaning}\n`);
  process.stdout.write(`${built ? 'built' : 'it is'}; serving it until Ctrl-C\n\n${lines.join('')}\n`);
  tell('In a terminal the same answers come from: npx plimsoll plan --ask');
} catch (error) {
  if (!(error instanceof PlimsollError)) throw error;
  const hint = error.hint === undefined ? '' : `\n${error.hint}`;
  process.stderr.write(`${error.message}${hint}\n`);
  process.exitCode = 1;
}
