import { holdRealModel } from './real-model.test-data.ts';

holdRealModel('smollm2-135m-instruct-q4_1');
