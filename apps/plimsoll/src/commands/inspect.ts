/** `plimsoll inspect`: shows the content of a model file without loading it. */
import type { ModelSpec } from '@plimsoll/model-files/spec';
import { Command } from 'commander';
import { type Inspection, inspect } from '../inspection.ts';
import { printJson, printText } from '../output.ts';
import { attentionKinds, renderInspection, tensorTypes } from '../render/inspection-text.ts';

interface InspectFlags {
  readonly tensors?: boolean;
  readonly offline?: boolean;
  readonly json?: boolean;
}

export function inspectCommand(): Command {
  return new Command('inspect')
    .description('Show architecture, tensors and metadata of a GGUF or safetensors file')
    .argument(
      '<file>',
      'a .gguf, .safetensors or index file, a directory, hf:organisation/name, or the URL of a GGUF file',
    )
    .option('--tensors', 'list every tensor')
    .option('--offline', 'send no request: take models of the Hub from the cache alone')
    .option('--json', 'print the findings as JSON (plimsoll schema inspect)')
    .action(async (path: string, flags: InspectFlags) => {
      const inspection = await inspect(path, flags);
      const listsTensors = flags.tensors === true;
      if (flags.json === true) printJson(report(inspection, listsTensors));
      else printText(renderInspection(inspection, listsTensors));
    });
}

/** The output of --json: `inspect` in json-schemas.ts. */
function report(inspection: Inspection, listsTensors: boolean): unknown {
  const { spec, tensors, ...rest } = inspection;
  const types = tensorTypes(tensors);
  return {
    ...rest,
    architecture: spec === null ? null : architecture(spec),
    tensorCount: tensors.length,
    elements: types.reduce((sum, type) => sum + type.elements, 0),
    tensorBytes: types.reduce((sum, type) => sum + type.bytes, 0),
    types,
    ...(listsTensors && { tensors }),
  };
}

function architecture(spec: ModelSpec): unknown {
  return {
    family: spec.family,
    layers: spec.layers.length,
    hiddenSize: spec.hiddenSize,
    vocabSize: spec.vocabSize,
    contextLength: spec.contextLength,
    tiedEmbeddings: spec.tiedEmbeddings,
    kinds: attentionKinds(spec),
    notModelled: spec.notModelled,
  };
}
