/** `plimsoll rm`: removes a model of the Hub from the cache. */
import { formatBytes } from '@plimsoll/foundation';
import { Command } from 'commander';
import { cachedModelToRemove, removeCachedModel } from '../hub/cached-models.ts';
import { hubReferenceText, parseHubReference } from '../hub/hub-reference.ts';
import { hubSettings } from '../hub/hub-settings.ts';
import { printMessage } from '../output.ts';

export function rmCommand(): Command {
  return new Command('rm')
    .description('Remove a model of the Hub from the cache')
    .argument('<model>', 'hf:organisation/name[:Q4_K_M][@revision], as plimsoll pull --list prints it')
    .addHelpText(
      'after',
      `
Files that another model or revision of the cache needs stay. Without a quantisation, the cache must have one model of the
repository.

Example:
  plimsoll rm hf:bartowski/SmolLM2-135M-Instruct-GGUF:Q8_0`,
    )
    .action((text: string) => {
      const { cacheFolder } = hubSettings();
      const model = cachedModelToRemove(cacheFolder, parseHubReference(text));
      const freedBytes = removeCachedModel(cacheFolder, model);
      printMessage(`${hubReferenceText(model.reference)} removed, ${formatBytes(freedBytes)} freed`);
    });
}
