/** The data flow of draft training: features by reference from producers to a trainer. */
export type { CaptureContract } from './contracts/capture-contract.ts';
export { assertNoTensors } from './contracts/no-tensors.ts';
export { type PromptTask, parsePromptTask } from './contracts/prompt-task.ts';
export { parseSampleRef, type SampleRef, sampleIdOf } from './contracts/sample-ref.ts';
export { DataFlowController } from './control/data-flow-controller.ts';
export { MemoryLedger } from './control/memory-ledger.ts';
export { LocalProducerLink, type ProducerLink } from './control/producer-link.ts';
export { SqliteLedger } from './control/sqlite-ledger.ts';
export { FeatureDataLoader, type LoadedBatch } from './loader/feature-data-loader.ts';
export { freeFeatures } from './loader/free-features.ts';
export { RefList } from './loader/window-source.ts';
export { DirectoryStore } from './store/directory-store.ts';
export type { FeatureInput, FeatureStore } from './store/feature-store.ts';
export { HttpPeerStore } from './store/http-peer-store.ts';
