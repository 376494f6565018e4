/** What the island asks, answered in the page. Loaded when someone first touches the form: it carries the planner. */
import { formatBytes, formatTokens } from '@plimsoll/foundation';
import { sitePageWorkbench } from '../../workbench/page-workbench.ts';
import { fill, type PlannerWords } from '../words.ts';
import type { ComboboxOption } from './combobox.tsx';
import { chartsOf, type PlannerCharts, type PlannerPicture, pictureOf } from './picture.ts';
import type { PlannerAnswer } from './settle.ts';
import type { PlannerState } from './state.ts';

export function askPicture(state: PlannerState): Promise<PlannerPicture> {
  return sitePageWorkbench().ask((workbench) => pictureOf(state, workbench));
}

export function askCharts(answer: PlannerAnswer): Promise<PlannerCharts | null> {
  return sitePageWorkbench().ask((workbench) => chartsOf(answer, workbench));
}

/** As many as a person reads. */
const matchesMax = 12;

export function searchModels(text: string, words: PlannerWords): Promise<readonly ComboboxOption[]> {
  return sitePageWorkbench().ask(({ registry }) =>
    registry.searchModels(text, matchesMax).map(({ id, parameters, contextLength }) => ({
      value: id,
      detail: fill(words.modelDetail, {
        parameters: parameters === null ? '?' : (parameters / 1e9).toPrecision(3),
        context: contextLength === null ? '?' : formatTokens(contextLength),
      }),
    })),
  );
}

export function searchDevices(text: string): Promise<readonly ComboboxOption[]> {
  return sitePageWorkbench().ask(({ registry }) =>
    registry.searchHardware(text, matchesMax).map(({ id, name, usableBytes, bandwidthBytesPerSecond }) => ({
      value: id,
      detail: `${name}, ${formatBytes(usableBytes, 1)}, ${(bandwidthBytesPerSecond / 1e9).toFixed(0)} GB/s`,
    })),
  );
}
