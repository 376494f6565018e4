/** How people load a model in LM Studio from a command line. */
import type { CommandForm } from '../contract/command-form.ts';

export const lmStudioCommandForm: CommandForm = {
  programs: [['lms', 'load']],
  modules: [],
  images: [],
  modelFlags: [],
  takesModelWord: true,
  usualContext: 'own',
  // Slots share one cache of the given length.
  contextIsShared: true,
  readTokens: null,
  variables: {},
  ownFlags: { '--gpu': 'offload' },
  idleFlags: {
    switches: ['-y', '--yes', '--exact', '--estimate-only', '--verbose', '--quiet'],
    options: ['--ttl', '--identifier', '--host', '--port', '--log-level'],
  },
  abbreviates: false,
};
