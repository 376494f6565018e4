/** The workbench at build and in tests: records from the registry's files, read as the command line reads them. */
import { modelSpecFromRecord } from '@plimsoll/model-files/config';
import { resolveModel, shippedRegistry } from '@plimsoll/registry';
import { openWorkbench, type Workbench } from './workbench.ts';

export const buildWorkbench: Workbench = openWorkbench(shippedRegistry, (id) =>
  modelSpecFromRecord(resolveModel(id)),
);
