/**
 * Explains the number of users: the sum that decides it, in sentences that fit any plan. The sum follows every change in the
 * form, so a reader sees which term moved.
 */
import { formatBytes, formatCount } from '@plimsoll/foundation';
import type { Plan } from '@plimsoll/planner';
import { ledgerBytes } from '@plimsoll/planner/ledger';
import { fill, type PlannerWords } from '../../words.ts';

export function whyText(plan: Plan, words: PlannerWords): string {
  const { capacity, hardware, engine, ledger } = plan;
  const weightBytes = ledgerBytes(ledger, { category: 'weights' });
  // The sentences say that the parts add up to the whole, so the engine's part is what the other parts leave.
  const keptBytes = hardware.usableBytes - weightBytes - capacity.poolBytes;
  const weights = formatBytes(weightBytes);
  return [
    fill(hardware.devices > 1 ? words.whyWeightsEach : words.whyWeights, { weights }),
    ...(keptBytes > 0
      ? [fill(words.whyKept, { engine: words[`engine-${engine.name}`], kept: formatBytes(keptBytes) })]
      : []),
    ...roomSentences(capacity, words),
  ].join(' ');
}

function roomSentences(
  { poolBytes, bytesPerUser, usersMax }: Plan['capacity'],
  words: PlannerWords,
): readonly string[] {
  if (poolBytes < 0) return [fill(words.whyOver, { short: formatBytes(-poolBytes) })];
  const room = fill(words.whyRoom, { pool: formatBytes(poolBytes) });
  const perUser = formatBytes(bytesPerUser);
  const users = formatCount(usersMax);
  if (poolBytes < bytesPerUser) return [room, fill(words.whyNotOne, { perUser })];
  // Blocks of several kinds, a limit on sequences or a cache of fixed size let in fewer than a plain division says.
  const isDivision = Math.floor(poolBytes / bytesPerUser) === usersMax;
  return [room, fill(isDivision ? words.whyHolds : words.whyFewer, { perUser, users })];
}
