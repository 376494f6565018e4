/** The entry for the question whether the engine runs a model of which only the header is known. It loads no kernels. */
export { architectureOf } from './model/known.ts';
