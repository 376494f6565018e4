/** The simulator in a thread of its own: a run takes seconds, and the page answers to keys and draws the progress meanwhile. */
import './without-eval.ts';
import { PlimsollError } from '@plimsoll/foundation';
import { sitePageWorkbench } from '../../../workbench/page-workbench.ts';
import { draftOf, editedDraft } from '../state/drafts.ts';
import { exampleText } from '../state/examples.ts';
import { readScenarios, writeScenarios } from '../state/scenario-address.ts';
import { type Curve, curveOf } from './goodput-curve.ts';
import { pictureOf, readyScenario, resultOf, runReady } from './run-scenario.ts';
import type {
  NumberedQuestion,
  ScenarioRunView,
  SimulatorAnswers,
  SimulatorProgress,
  SimulatorQuestion,
  SimulatorReply,
} from './worker-messages.ts';

/** A reader does not look at more matches. */
const matchesMax = 12;
/** Milliseconds between two reports of a run. */
const reportMs = 100;

addEventListener('message', ({ data: { number, question } }: MessageEvent<NumberedQuestion>) => {
  answer(question, (progress) => reply({ number, progress })).then(
    (value) => reply({ number, value }),
    (error: unknown) => {
      const details =
        error instanceof PlimsollError ? error.toJSON() : { code: 'bug', message: String(error) };
      reply({ number, error: details });
    },
  );
});

function reply(message: SimulatorReply): void {
  postMessage(message);
}

type Report = (progress: SimulatorProgress) => void;

async function answer(
  question: SimulatorQuestion,
  report: Report,
): Promise<SimulatorAnswers[SimulatorQuestion['kind']]> {
  const { ask } = sitePageWorkbench();
  switch (question.kind) {
    case 'open':
      return ask((workbench) => readScenarios(question.query).map((text) => draftOf(text, workbench)));
    case 'example':
      return ask((workbench) => draftOf(exampleText(question.name), workbench));
    case 'draft':
      return ask((workbench) => draftOf(question.text, workbench));
    case 'edit':
      return ask((workbench) => editedDraft(question.text, question.edits, workbench));
    case 'address':
      return writeScenarios(
        question.drafts.map(({ fields, example }) => ({ fields: fields ?? {}, example })),
      );
    case 'models':
      return ask(({ registry }) => registry.searchModels(question.text, matchesMax));
    case 'devices':
      return ask(({ registry }) => registry.searchHardware(question.text, matchesMax));
    case 'run':
      return run(question.text, report);
    case 'curve':
      return curve(question, report);
    default:
      return question satisfies never;
  }
}

async function run(text: string, report: Report): Promise<ScenarioRunView> {
  const ready = await sitePageWorkbench().ask((workbench) => readyScenario(text, workbench));
  const { requests = 0 } = ready.scenario.workload;
  let reportAt = 0;
  const done = runReady(ready, (ended) => {
    if (performance.now() < reportAt) return;
    reportAt = performance.now() + reportMs;
    report({ kind: 'run', ended, requests });
  });
  return { ...resultOf(ready, done), svg: pictureOf(done) };
}

async function curve(
  { text, loads }: Extract<SimulatorQuestion, { readonly kind: 'curve' }>,
  report: Report,
): Promise<Curve> {
  const ready = await sitePageWorkbench().ask((workbench) => readyScenario(text, workbench));
  return curveOf(ready, loads, (drawn) => report({ kind: 'curve', ...drawn }));
}
