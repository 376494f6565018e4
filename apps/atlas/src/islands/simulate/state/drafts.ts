/** A scenario while a reader edits it: its text, its fields, and the first thing that is wrong with it. */
import { type ErrorDetails, PlimsollError } from '@plimsoll/foundation';
import { readScenario, type Scenario } from '@plimsoll/simulator/scenario';
import { editScenario, type ScenarioEdit, scenarioFields } from '@plimsoll/simulator/scenario-text';
import type { Workbench } from '../../../workbench/workbench.ts';
import { exampleNamed } from './examples.ts';
import type { ScenarioFields } from './scenario-paths.ts';
import { requestOfScenario } from './scenario-request.ts';

export interface ScenarioDraft {
  readonly text: string;
  /** Null if the text is no map of fields. */
  readonly fields: ScenarioFields | null;
  /** Why the scenario cannot run; null if nothing is known to be wrong. */
  readonly problem: ErrorDetails | null;
  /** The example with the same text; null if there is none. */
  readonly example: string | null;
}

/** What an error calls the text. */
const textName = 'scenario.yaml';

export function draftOf(text: string, workbench: Workbench): ScenarioDraft {
  return {
    text,
    fields: scenarioFields(text),
    problem: problemOf(text, workbench),
    example: exampleNamed(text),
  };
}

export function editedDraft(
  text: string,
  edits: readonly ScenarioEdit[],
  workbench: Workbench,
): ScenarioDraft {
  return draftOf(editScenario(text, edits), workbench);
}

function problemOf(text: string, workbench: Workbench): ErrorDetails | null {
  try {
    requestOfScenario(scenarioOf(text), workbench);
    return null;
  } catch (error) {
    if (error instanceof PlimsollError) return error.toJSON();
    throw error;
  }
}

/** Reads the text strictly; throws `bad-scenario` with line and field. */
export function scenarioOf(text: string): Scenario {
  const scenario = readScenario(textName, {
    read: (path) => {
      if (path === textName) return text;
      throw noFiles('extends', path);
    },
    resolve: (path) => path,
  });
  const { trace } = scenario.workload.arrivals;
  if (trace !== undefined) throw noFiles('workload.arrivals.trace', trace.file);
  return scenario;
}

function noFiles(field: string, path: string): PlimsollError {
  return new PlimsollError({
    code: 'no-files-in-page',
    message: `${textName}: ${field} names the file ${path}, and a page reads no files`,
    value: path,
    hint: 'run the scenario with plimsoll simulate',
  });
}
