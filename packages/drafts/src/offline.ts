/** The entry for features and answers in files, computed before training. */
export { writeAnswers } from './offline/answers-file.ts';
export { captureOffline } from './offline/offline-capture.ts';
export { OfflineFolder, type OfflineSettings } from './offline/offline-folder.ts';
export { featureBytesPerToken } from './targets/sample-features.ts';
