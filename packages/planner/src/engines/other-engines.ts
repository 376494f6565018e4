/** Engines that load other files than the usual one: a device that is too small for a server of checkpoints may run a file. */
import { type EngineName, engineFace, engineFaces } from './engine-list.ts';

/** Users up to which an engine of files takes the place of a server of checkpoints: the slots of its own server. */
const fewUsers = 4;

/** Engines to try where a server of checkpoints fails these users; none in place of other engines. */
export function otherEngines(engine: EngineName, users: number): readonly EngineName[] {
  const { loads, title } = engineFace(engine);
  if (loads !== 'checkpoints' || title === null || users > fewUsers) return [];
  return engineFaces
    .filter(({ title: name, runsHere, runsAnotherEngine, loads: files }) => {
      return name !== null && !runsHere && runsAnotherEngine !== true && files !== 'checkpoints';
    })
    .map(({ name }) => name);
}
