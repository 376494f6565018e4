/** Entry of a worker thread under Node: the task comes as workerData. */
import { workerData } from 'node:worker_threads';
import { runWorker } from './worker-loop.ts';

runWorker(workerData);
