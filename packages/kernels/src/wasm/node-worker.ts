/** Entry of a worker thread in Node: workerData holds the task. */
import { workerData } from 'node:worker_threads';
import { runWorker } from './worker-loop.ts';

runWorker(workerData);
