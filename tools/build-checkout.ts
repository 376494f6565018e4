/** Bundles the program of this checkout for quick starts. `npm ci` runs this file. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleCheckout } from './checkout-bundle.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const started = performance.now();
const count = await bundleCheckout(root, join(root, 'apps/plimsoll/.cache/program'));
const seconds = ((performance.now() - started) / 1000).toFixed(1);
process.stdout.write(`program bundled from ${count} source files in ${seconds} s\n`);
