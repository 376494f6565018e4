/** Runs once before the tests of real models and prints which of them are skipped, with the reason. */
import { findRealModel, realModelFolder, realModels } from '../real-model.ts';

export function setup(): void {
  const folder = realModelFolder(process.env);
  for (const { name, file } of realModels.filter((model) => findRealModel(model, folder) === undefined)) {
    process.stdout.write(
      `real-models: ${name} is skipped, ${folder} has no ${file}; node tools/real-models.ts fetches it\n`,
    );
  }
}
