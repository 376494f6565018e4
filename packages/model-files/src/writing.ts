/** The entry for programs that write GGUF and safetensors files. */
export {
  encodeGguf,
  type GgufTensorData,
  ggufArray,
  ggufScalar,
  ggufString,
  ggufUint32,
  layOutGguf,
} from './gguf/write.ts';
export { encodeSafetensors, layOutSafetensors, type SafetensorsData } from './safetensors/write.ts';
