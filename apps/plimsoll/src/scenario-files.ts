/** Files of scenarios on the disk. */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { PlimsollError } from '@plimsoll/foundation';
import type { ScenarioFiles } from '@plimsoll/simulator/scenario';

export const scenarioFiles: ScenarioFiles = {
  read(path) {
    try {
      return readFileSync(path, 'utf8');
    } catch (error) {
      throw new PlimsollError(
        {
          code: 'scenario-not-read',
          message: `the file ${path} cannot be read`,
          value: path,
          hint: 'name a YAML file, such as examples/single-gpu-chat.yaml',
        },
        { cause: error },
      );
    }
  },
  resolve: (path, from) => resolve(dirname(from), path),
};
