/** Reads SLOs from a command line: `ttft-p99=500ms,itl-p99=40ms`. */
import { PlimsollError } from '@plimsoll/foundation';
import { type Scenario, sloFigures, sloSchema, sloStatistics } from './scenario-schema.ts';

export type Slo = NonNullable<Scenario['slo']>;

/** Throws `slo-without-percentile` for a figure alone, and `bad-slo` for any other text that is no SLO. */
export function parseSlo(text: string): Slo {
  const slo: Record<string, string> = {};
  for (const part of text.split(',').map((one) => one.trim())) {
    if (part === '') continue;
    const [name = '', limit = ''] = part.split('=').map((one) => one.trim());
    if (sloFigures.some((figure) => figure === name)) throw withoutPercentile(name, limit);
    const single = { [name]: limit };
    if (!sloSchema.safeParse(single).success || Object.hasOwn(slo, name)) throw badSlo(part);
    Object.assign(slo, single);
  }
  if (Object.keys(slo).length === 0) throw badSlo(text);
  return slo;
}

function withoutPercentile(figure: string, limit: string): PlimsollError {
  return new PlimsollError({
    code: 'slo-without-percentile',
    message: `an SLO names its statistic: half of all requests and 99 of 100 are different promises for ${figure}`,
    value: figure,
    limit: sloStatistics.map((statistic) => `${figure}-${statistic}`).join(', '),
    hint: `${figure}-p99=${limit === '' ? '500ms' : limit}`,
  });
}

function badSlo(text: string): PlimsollError {
  return new PlimsollError({
    code: 'bad-slo',
    message: `"${text}" is no SLO`,
    value: text,
    limit: `one each of ${sloFigures.join(', ')} with -mean, -p50, -p90 or -p99, "=", and a time such as 500ms`,
    hint: 'ttft-p99=500ms,itl-p99=40ms',
  });
}
