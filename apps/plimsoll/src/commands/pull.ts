/** `plimsoll pull`: downloads a model of the Hub into the cache, if it fits. */
import { formatBytes, monotonicClock, PlimsollError } from '@plimsoll/foundation';
import { Command } from 'commander';
import { addMemoryFlags, type EngineFlags, fitCheck } from '../engine-start.ts';
import { listCachedModels } from '../hub/cached-models.ts';
import { type HubReference, hubReferenceText, parseHubReference } from '../hub/hub-reference.ts';
import { type HubSettings, hubSettings } from '../hub/hub-settings.ts';
import { chooseModel, safetensorsModel } from '../hub/model-choice.ts';
import { pullModel } from '../hub/pull-model.ts';
import { type FitCheck, judgeCandidates } from '../hub/remote-fit.ts';
import { listRepository } from '../hub/repository-files.ts';
import { listedModel, renderModels } from '../hub/several-models.ts';
import { memoryLimit } from '../memory-limit.ts';
import { printJson, printMessage, printText } from '../output.ts';
import { DownloadProgress } from '../render/download-progress.ts';
import { renderTable } from '../render/table.ts';

interface PullFlags extends EngineFlags {
  readonly list?: boolean;
  readonly force?: boolean;
  readonly json?: boolean;
}

export function pullCommand(): Command {
  const command = new Command('pull')
    .description('Download a model of the Hub into the cache, if it fits into the memory')
    .argument('[model]', 'hf:organisation/name[:Q4_K_M][@revision]');
  return addMemoryFlags(command)
    .option(
      '--list',
      'list the models of the repository, or without a model those of the cache, and download nothing',
    )
    .option('--force', 'download a model that does not fit, or that this engine does not run')
    .option('--offline', 'send no request: only report what the cache has')
    .option('--json', 'print the model and its files as JSON (plimsoll schema pull)')
    .addHelpText(
      'after',
      `
Without a quantisation, pull takes Q4_K_M, else Q8_0, else the safetensors, else the only GGUF file. :NAME takes the GGUF
file whose name contains NAME as a whole word, with all its parts; the path of a file works too.

The header is read first: a model that does not fit into --memory (default: 80 % of the free memory) is refused before the
download, with the quantisations that fit. An interrupted download continues when the command runs again. Every file is
checked against the hash that the Hub states.

The cache is that of Hugging Face's own programs: ~/.cache/huggingface/hub, moved by HF_HOME or HF_HUB_CACHE. HF_TOKEN opens
gated models, HF_ENDPOINT names another Hub, HF_HUB_OFFLINE=1 forbids requests. run, chat, serve, bench, inspect and plan
take the same names, and use a model in the cache without a request; pull asks whether the revision has moved.

Examples:
  plimsoll pull hf:bartowski/SmolLM2-135M-Instruct-GGUF
  plimsoll pull hf:bartowski/SmolLM2-135M-Instruct-GGUF:Q8_0 --memory 4GiB
  plimsoll pull hf:HuggingFaceTB/SmolLM2-135M-Instruct@main
  plimsoll pull hf:bartowski/Qwen2.5-7B-Instruct-GGUF --list
  plimsoll pull --list                                              (what the cache has; plimsoll rm removes)

Exit codes: 0 ok, 1 bad input, a failed download or a defect, 2 does not fit into the memory.`,
    )
    .action(async (text: string | undefined, flags: PullFlags) => {
      if (text === undefined) return listCache(flags);
      const limit = memoryLimit(flags.memory);
      const fit = flags.force === true ? null : fitCheck(flags, {}, limit.bytes);
      const settings = hubSettings(flags);
      const reference = parseHubReference(text);
      if (flags.list === true) return list(settings, { reference, fit, asJson: flags.json === true });
      const report = new DownloadProgress(monotonicClock);
      const pulled = await pullModel(settings, reference, { fit, asksForNews: true, report });
      const { choice, commit, path, downloadedBytes } = pulled;
      if (flags.json === true) {
        printJson({
          model: reference.id,
          name: choice.label,
          revision: reference.revision,
          commit,
          path,
          files: choice.files.map((file) => ({ path: file.path, bytes: file.sizeBytes })),
          bytes: choice.sizeBytes,
          downloadedBytes,
        });
      } else {
        const name = hubReferenceText(reference);
        const size = formatBytes(choice.sizeBytes);
        const how = downloadedBytes === 0 ? 'was in the cache' : `${formatBytes(downloadedBytes)} downloaded`;
        printMessage(`${name}: ${choice.label}, ${size}, ${how}; plimsoll run ${name} "Hello"`);
        printText(path);
      }
    });
}

function listCache(flags: PullFlags): void {
  if (flags.list !== true) {
    throw new PlimsollError({
      code: 'missing-model',
      message: 'no model was named',
      limit: 'hf:organisation/name[:Q4_K_M][@revision], or --list',
      hint: 'plimsoll pull hf:bartowski/SmolLM2-135M-Instruct-GGUF',
    });
  }
  const { cacheFolder } = hubSettings(flags);
  const models = listCachedModels(cacheFolder).map(({ reference, choice: { sizeBytes }, commit, path }) => ({
    name: hubReferenceText(reference),
    commit,
    path,
    bytes: sizeBytes,
  }));
  if (flags.json === true) printJson({ cache: cacheFolder, models });
  else if (models.length === 0) printMessage(`${cacheFolder} has no model`);
  else printText(renderTable(models.map(({ name, bytes: size }) => [name, formatBytes(size)])));
}

interface Listing {
  readonly reference: HubReference;
  readonly fit: FitCheck | null;
  readonly asJson: boolean;
}

async function list(settings: HubSettings, { reference, fit, asJson }: Listing): Promise<void> {
  const repository = await listRepository(settings, reference);
  const { candidates } = chooseModel(repository.files, reference.variant);
  const checkpoint = safetensorsModel(repository.files);
  const listed = [
    ...(await judgeCandidates(settings, { repository, candidates, fit })),
    ...(checkpoint === null
      ? []
      : await judgeCandidates(settings, { repository, candidates: [checkpoint], fit })),
  ];
  if (!asJson) printText(renderModels(listed));
  else
    printJson({
      model: reference.id,
      commit: repository.commit,
      models: listed.map((model) => listedModel(model, listed)),
    });
}
