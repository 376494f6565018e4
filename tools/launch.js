// Starts the programs that the scripts of package.json name: `node tools/launch.js tools/start.ts --port 8080`. This
// file is plain JavaScript: if an installation is incomplete, the user gets one sentence instead of the stack trace of
// a Node that is too old for TypeScript. It imports no package, because packages may be missing.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { isRecentEnough, missingNodeMessage, pinnedNode, runWith } from '../apps/plimsoll/bin/pinned-node.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const [program = '', ...words] = process.argv.slice(2);
const path = join(root, program);
const node = isRecentEnough ? null : pinnedNode();

if (!existsSync(join(root, 'node_modules'))) {
  process.stderr.write('Nothing is installed here yet: run "npm ci" first.\n');
  process.exitCode = 1;
} else if (isRecentEnough) {
  process.argv.splice(1, process.argv.length, path, ...words);
  await import(pathToFileURL(path).href);
} else if (node === null) {
  process.stderr.write(missingNodeMessage());
  process.exitCode = 1;
} else {
  process.exitCode = await runWith(node, path, words);
}
