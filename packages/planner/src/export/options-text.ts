/** Writes the file of options that a command names. */
import { stringify } from 'yaml';
import type { StartFile } from '../deployment/deployment.ts';
import { assertKnownFields, fieldLists } from './field-list.ts';

/** The folder of the file in a container. */
export const optionsFolder = '/etc/engine';

export function optionsText({ options }: StartFile): string {
  assertKnownFields(fieldLists.optionsFile, { type: 'Options', value: options });
  return stringify(options);
}
