/**
 * The planner in a thread of its own: on a slow processor the first answer about a model takes so long that the page would
 * not respond to keys. Questions and answers are plain data.
 */
import { PlimsollError } from '@plimsoll/foundation';
import { sitePageWorkbench } from '../../../workbench/page-workbench.ts';
import { chartsOf, pictureOf } from './picture.ts';
import type { NumberedQuestion, PlannerAnswers, PlannerQuestion, PlannerReply } from './worker-messages.ts';

/** A reader does not look at more matches. */
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
