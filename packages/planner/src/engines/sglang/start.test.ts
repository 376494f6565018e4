/** Tests the reasons that stop SGLang at its start, and the commands that start it. */
import { describe, expect, test } from 'vitest';
import { plan } from '../../plan.ts';
import { request } from '../../test-models.ts';

type Choices = Parameters<typeof request>[0];

function startOf(choices: Choices): ReturnType<typeof plan>['start'] {
  return plan(request({ ...choices, engine: 'sglang' })).start;
}

/** The share in the command of a fix. */
function shareOf(command: string | null | undefined): number {
  return Number(/--mem-fraction-static ([\d.]+)/.exec(command ?? '')?.[1]);
}

describe('SGLang starts', () => {
  test('with a model that fits', () => {
    expect(startOf({})).toEqual({ starts: true, reason: null, fix: null });
  });

  test('with a share above the weights', () => {
    const asked: Choices = { gpu: 'rtx-4090', engineVersion: '0.5.18', options: { memFractionStatic: 0.6 } };
    const { reason, fix } = startOf(asked);
    expect(reason?.code).toBe('memory-short');
    expect(reason?.message).toContain('leave no GPU memory for the KV cache');
    const share = shareOf(fix?.command);
    expect(share).toBeGreaterThan(0.65);
    expect(startOf({ ...asked, options: { memFractionStatic: share } }).starts).toBe(true);
  });

  test('with room for graphs beside the pools', () => {
    const asked: Choices = { engineVersion: '0.5.9', options: { memFractionStatic: 0.995 } };
    const { reason, fix } = startOf(asked);
    expect(reason?.code).toBe('reserve-short');
    expect(startOf({ ...asked, options: { memFractionStatic: shareOf(fix?.command) } }).starts).toBe(true);
  });

  test('with slots for one request with recurrent state', () => {
    const asked: Choices = {
      ...{ model: 'Qwen/Qwen3.5-4B', gpu: 'rtx-4080', engineVersion: '0.5.18' },
      options: { maxMambaCacheSize: 2 },
    };
    const { reason, fix } = startOf(asked);
    expect(reason?.code).toBe('state-slots');
    expect(fix?.command).toContain('--max-mamba-cache-size 5');
  });

  test('with a context that the pool does not hold: requests are cut', () => {
    const answer = plan(
      request({
        ...{ gpu: 'rtx-4090', engine: 'sglang', engineVersion: '0.5.9' },
        workload: { contextTokens: 131_072, users: 1 },
      }),
    );
    expect(answer.fits).toBe(false);
    expect(answer.start.starts).toBe(true);
    expect(answer.notes.join('\n')).toContain('SGLang starts, and cuts requests');
  });
});
