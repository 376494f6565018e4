/** Paths of indexes and records below the data directory. */

export const modelIndexPath = 'model-index.json';
export const drafterIndexPath = 'drafter-index.json';
export const hardwareIndexPath = 'hardware-index.json';

/** Path of a model's record. Lower case, because Hugging Face ids and some file systems ignore case. */
export function modelPath(id: string): string {
  return `models/${id.toLowerCase()}.json`;
}

export function drafterPath(id: string): string {
  return `drafters/${id.toLowerCase()}.json`;
}

export function hardwarePath(file: string): string {
  return `hardware/${file}.json`;
}
