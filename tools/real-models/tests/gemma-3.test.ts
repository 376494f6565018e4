import { holdRealModel } from './real-model.test-data.ts';

holdRealModel('gemma-3-270m-q4_k_m');
