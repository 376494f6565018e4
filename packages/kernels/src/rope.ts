/** The entry for the angles of rotary embeddings. */
export {
  type RopeFrequencies,
  type RopeScaling,
  ropeFrequencies,
  ropeTable,
} from './rope-table.ts';
