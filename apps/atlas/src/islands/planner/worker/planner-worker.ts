/**
 * The planner beside the page, in a thread of its own: the first answer about a model takes long enough on a slow processor
 * to be felt under a finger. Questions and answers are plain data.
 */
import { PlimsollError } from '@plimsoll/foundation';
import { sitePageWorkbench } from '../../../workbench/page-workbench.ts';
import { chartsOf, pictureOf } from './picture.ts';
import type { NumberedQuestion, PlannerAnswers, PlannerQuestion, PlannerReply } from './worker-messages.ts';

/** As many matches as a person reads. */
const matchesMax = 12;

addEventListener('message', ({ data: { number, question } }: MessageEvent<NumberedQuestion>) => {
  answer(question).then(
    (value) => reply({ number, value }),
    (error: unknown) => {
      const details =
        error instanceof PlimsollError ? error.toJSON() : { code: 'bug', message: String(error) };
      reply({ number, error: details });
    },
  );
});

function reply(message: PlannerReply): void {
  postMessage(message);
}

function answer(question: PlannerQuestion): Promise<PlannerAnswers[PlannerQuestion['kind']]> {
  return sitePageWorkbench().ask((workbench) => {
    switch (question.kind) {
      case 'picture':
        return pictureOf(question.state, workbench);
      case 'charts':
        return chartsOf(question.answer, workbench);
      case 'models':
        return workbench.registry.searchModels(question.text, matchesMax);
      case 'devices':
        return workbench.registry.searchHardware(question.text, matchesMax);
      default:
        return question satisfies never;
    }
  });
}
