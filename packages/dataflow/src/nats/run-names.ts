/** Names of a run's streams, subjects and keys on a NATS server. */

export interface RunNames {
  /** Work queue of prompts, from the controller to producers. */
  readonly prompts: { readonly stream: string; readonly subject: string };
  /** Work queue of refs and failures, from producers to the controller. */
  readonly results: { readonly stream: string; readonly subject: string };
  /** Prefix of the run's keys in the bucket that all runs of a server share. */
  readonly keyPrefix: string;
  readonly featureBucket: string;
}

/** Durable consumers of the two work queues. */
export const producersConsumer = 'producers';
export const controllerConsumer = 'controller';
/** Bucket of quantum, state and status of all runs. */
export const boardBucket = 'plimsoll-runs';

export function runNames(runId: string): RunNames {
  const token = nameToken(runId);
  return {
    prompts: { stream: `plimsoll-${token}-prompts`, subject: `plimsoll.${token}.prompts` },
    results: { stream: `plimsoll-${token}-results`, subject: `plimsoll.${token}.results` },
    keyPrefix: `${token}.`,
    featureBucket: `plimsoll-${token}-features`,
  };
}

/** Encodes an id with the characters that streams, subjects, keys and buckets allow. Two ids never share a token. */
function nameToken(id: string): string {
  return id.replaceAll(/[^A-Za-z0-9-]/g, (character) => `_${character.charCodeAt(0).toString(16)}_`);
}
