/**
 * Tests the facts in the hardware records beyond their schema: figures that other sources get wrong, and names in real
 * logs.
 */
import { describe, expect, test } from 'vitest';
import { dataDirectory, listHardware, resolveHardware } from './node-registry.ts';
import { readHardwareFiles } from './record-files.ts';

const records = readHardwareFiles(dataDirectory);
const GiB = 1024 ** 3;

/** Device names as vLLM logs, llama.cpp logs and published benchmarks write them. */
const namesInLogs = `
7900 XTX -> rx-7900-xtx
A10-24GB -> a10-24gb
A100 -> a100-sxm-80gb
A100 PCIe 80GB -> a100-pcie-80gb
A100 SXM 80GB -> a100-sxm-80gb
A100-40GB -> a100-sxm-40gb
A100-80GB -> a100-sxm-80gb
A100-PCIE-80GB -> a100-pcie-80gb
A100-SXM4-80GB -> a100-sxm-80gb
A40 48GB -> a40-48gb
AMD Instinct MI300X 192GB HBM3 -> mi300x-192gb
AMD Instinct MI325X 256GB HBM3e -> mi325x-256gb
AMD Mi50 / Radeon VII (gfx906) -> mi50-32gb
Apple M1 Max -> apple-m1-max-32-core-64gb
Apple M2 Pro -> apple-m2-pro-19-core-32gb
Apple M2 Ultra -> apple-m2-ultra-76-core-192gb
Apple M3 Max -> apple-m3-max-40-core-64gb
Apple M4 Max -> apple-m4-max-40-core-64gb
Apple M4 Pro -> apple-m4-pro-20-core-48gb
B200 -> b200-sxm-180gb
B200 180GB SXM -> b200-sxm-180gb
B200 SXM -> b200-sxm-180gb
B200-192GB -> b200-sxm-180gb
B300 SXM -> b300-sxm-270gb
CPU -> cpu-desktop-ddr5-64gb
CPU (AMX) -> cpu-server-xeon-amx
CPU: AMD Ryzen 7 7840HS -> cpu-ryzen-7-7840hs
DGX Spark (GB10) -> gb10-dgx-spark
GB200 -> gb200-186gb
GB200 192GB -> gb200-186gb
GB300 -> gb300-279gb
GH200 120GB -> gh200-96gb
GTX 1060 6GB -> gtx-1060-6gb
H100 80GB -> h100-sxm-80gb
H100 80GB HBM3 -> h100-sxm-80gb
H100 PCIe 80GB -> h100-pcie-80gb
H100 SXM -> h100-sxm-80gb
H100 SXM 80GB -> h100-sxm-80gb
H100-80GB -> h100-sxm-80gb
H200 -> h200-sxm-141gb
H200 141GB HBM3 -> h200-sxm-141gb
H200 SXM -> h200-sxm-141gb
H200 SXM 141GB -> h200-sxm-141gb
Intel Arc A770 -> arc-a770-16gb
Intel Arc A770 (SYCL) -> arc-a770-16gb
Intel Arc Pro B60 24GB -> arc-pro-b60-24gb
Intel Arrow Lake-H iGPU -> intel-arc-140t-arrow-lake
Intel Flex 170 -> flex-170-16gb
Intel Meteor Lake iGPU -> intel-arc-meteor-lake
Intel iGPU [0x9a49] (SYCL) -> intel-iris-xe-tiger-lake
Jetson AGX Orin -> jetson-agx-orin-64gb
L4 -> l4-24gb
L40 -> l40-48gb
L40S -> l40s-48gb
L40S 48GB -> l40s-48gb
M1 7-Core GPU 8GB -> apple-m1-7-core-8gb
M1 Max 32-Core GPU 64GB -> apple-m1-max-32-core-64gb
M2 Ultra 76-Core GPU 192GB -> apple-m2-ultra-76-core-192gb
MI300X 192GB -> mi300x-192gb
MI300X-192GB -> mi300x-192gb
NVIDIA B200-SXM-180GB -> b200-sxm-180gb
NVIDIA DGX Spark (GB10) -> gb10-dgx-spark
NVIDIA GB200 -> gb200-186gb
NVIDIA GB300 -> gb300-279gb
NVIDIA H100-SXM-80GB -> h100-sxm-80gb
NVIDIA H20 -> h20-96gb
NVIDIA H200-NVL-141GB -> h200-nvl-141gb
NVIDIA H200-SXM-141GB -> h200-sxm-141gb
NVIDIA L40S -> l40s-48gb
NVIDIA RTX PRO 6000 Blackwell Server Edition -> rtx-pro-6000-blackwell-server
RTX 2060 Max-Q (Vulkan) -> rtx-2060-max-q
RTX 3060 -> rtx-3060-12gb
RTX 3070 -> rtx-3070
RTX 3070 8GB -> rtx-3070
RTX 3080 10GB -> rtx-3080-10gb
RTX 3090 -> rtx-3090
RTX 3090 (Vulkan) -> rtx-3090
RTX 3090 24GB -> rtx-3090
RTX 3090 Ti -> rtx-3090-ti
RTX 4000 Ada 20GB -> rtx-4000-ada-20gb
RTX 4060-8GB -> rtx-4060-8gb
RTX 4070 -> rtx-4070
RTX 4070 12GB -> rtx-4070
RTX 4080 (Vulkan) -> rtx-4080
RTX 4080 16GB -> rtx-4080
RTX 4090 -> rtx-4090
RTX 4090 D -> rtx-4090-d
RTX 5000 Ada 32GB -> rtx-5000-ada-32gb
RTX 5080 -> rtx-5080
RTX 5090 -> rtx-5090
RTX 5090 32GB -> rtx-5090
RTX 6000 Ada 48GB -> rtx-6000-ada-48gb
RTX A6000 -> rtx-a6000-48gb
RTX PRO 6000 Blackwell -> rtx-pro-6000-blackwell-workstation
RTX PRO 6000 Blackwell Server Edition -> rtx-pro-6000-blackwell-server
RX 7900 XTX -> rx-7900-xtx
RX 7900 XTX (ROCm) -> rx-7900-xtx
RX 7900 XTX (Vulkan) -> rx-7900-xtx
Radeon 8060S gfx1151 (80 GiB GTT pool) -> radeon-8060s-80gb-gtt
Snapdragon Hexagon HTP0+HTP1 -> snapdragon-x-elite
T4 -> t4-16gb
Tesla T4 -> t4-16gb
V100-32GB -> v100-sxm-32gb
Virtualized NVIDIA H200-SXM-141GB -> h200-sxm-141gb
[MAXSUN] MS-Intel Arc Pro B60 Dual 48G Turbo -> arc-pro-b60-dual-48gb
`.trim();

describe('rates are dense', () => {
  test('a narrower type is never slower than a wider one', () => {
    const slower = records.filter(({ rates }) => {
      const { fp16 = 0, bf16 = 0, fp8, fp4 } = rates;
      const wide = Math.max(rates.fp32 ?? 0, rates.tf32 ?? 0);
      // P40 and GTX 1060 run fp16 at 1/64 of fp32, so engines compute in fp32 on them.
      return (
        (fp16 > 0 && fp16 < wide && fp16 > wide / 32) ||
        (fp8 ?? bf16) < bf16 ||
        (fp4 ?? fp8 ?? 0) < (fp8 ?? 0)
      );
    });
    expect(slower.map((record) => record.id)).toEqual([]);
  });

  test('of accelerators whose peaks are often quoted sparse, per type or in other units', () => {
    const tera = (name: string): Record<string, number> => {
      const { rates, memory } = resolveHardware(name);
      const entries = Object.entries(rates).map(([type, rate]) => [
        type,
        Number(((rate ?? 0) / 1e12).toPrecision(5)),
      ]);
      return Object.fromEntries([...entries, ['GB/s', memory.bandwidthBytesPerSecond / 1e9]]);
    };
    const names = [
      'Trainium2',
      'Jetson AGX Orin',
      'Untether speedAI240',
      'iPhone 15 Pro',
      'H200',
      'RTX 4090',
      'L40',
    ];
    expect(Object.fromEntries(names.map((name) => [name, tera(name)]))).toMatchInlineSnapshot(`
      {
        "H200": {
          "GB/s": 4800,
          "bf16": 989.4,
          "fp16": 989.4,
          "fp32": 66.9,
          "fp8": 1978.9,
          "int8": 1978.9,
          "tf32": 494.7,
        },
        "Jetson AGX Orin": {
          "GB/s": 204.8,
          "bf16": 42.5,
          "fp16": 42.5,
          "fp32": 5.3,
          "int8": 85,
        },
        "L40": {
          "GB/s": 864,
          "bf16": 181.05,
          "fp16": 181.05,
          "fp32": 90.5,
          "fp8": 362,
          "int4": 724,
          "int8": 362,
          "tf32": 90.5,
        },
        "RTX 4090": {
          "GB/s": 1008,
          "bf16": 165.2,
          "fp16": 165.2,
          "fp32": 82.58,
          "fp8": 330.3,
          "int4": 1321,
          "int8": 660.6,
          "tf32": 82.58,
        },
        "Trainium2": {
          "GB/s": 2900,
          "bf16": 667,
          "fp16": 667,
          "fp32": 181,
          "fp8": 1299,
          "tf32": 667,
        },
        "Untether speedAI240": {
          "GB/s": 1000000,
          "bf16": 1000,
          "fp8": 2000,
        },
        "iPhone 15 Pro": {
          "GB/s": 51.2,
          "fp16": 2.15,
          "fp32": 2.15,
          "int8": 35,
        },
      }
    `);
  });
});

describe('memory', () => {
  test('is what drivers report, in GiB', () => {
    const names = [
      'H100',
      'H200',
      'B200',
      'A100',
      'A100-40GB',
      'RTX 3090',
      'T4',
      'RTX A6000',
      'V100-32GB',
      'MI300X',
    ];
    const usable = names.map(
      (name) => `${name} ${(resolveHardware(name).memory.usableBytes / GiB).toFixed(2)}`,
    );
    expect(usable).toMatchInlineSnapshot(`
      [
        "H100 79.19",
        "H200 139.80",
        "B200 178.35",
        "A100 79.15",
        "A100-40GB 39.56",
        "RTX 3090 23.58",
        "T4 14.74",
        "RTX A6000 47.54",
        "V100-32GB 31.74",
        "MI300X 191.98",
      ]
    `);
  });

  test('bytes are whole MiB or a fraction of one, and usable is most of nominal on discrete cards', () => {
    const odd = records.filter(({ memory, class: kind }) => {
      const share = memory.usableBytes / memory.nominalBytes;
      return ['datacenter', 'workstation', 'consumer'].includes(kind) && (share < 0.9 || share > 1);
    });
    expect(odd.map((record) => record.id)).toEqual([]);
  });
});

test('devices that engines treat by capability or target state it', () => {
  const silent = records.filter(({ vendor, class: kind, computeCapability, gfxTarget }) => {
    const isGpu = ['datacenter', 'workstation', 'consumer', 'integrated'].includes(kind);
    if (!isGpu) return false;
    return (vendor === 'NVIDIA' && computeCapability === null) || (vendor === 'AMD' && gfxTarget === null);
  });
  expect(silent.map((record) => record.id)).toEqual([]);
});

test('devices that serve no language models say why, and no other device of the index is left out', () => {
  const without = records.flatMap(({ id, noLanguageModels }) =>
    noLanguageModels === undefined ? [] : [`${id}: ${noLanguageModels}`],
  );
  expect(without).toMatchInlineSnapshot(`
    [
      "apple-m2-neural-engine: one unit of an M2, which engines use as a whole (apple-m2-10-core)",
      "cerebras-cs3: only its maker's own compiler runs models on it",
      "coral-edge-tpu: a chip for fixed networks of 8-bit integers",
      "dmatrix-corsair: only its maker's own compiler runs models on it",
      "drive-thor: the computer of a car, which runs the software of the car alone",
      "esp32-s3: a microcontroller: its memory holds no language model",
      "generic-server: an idealised machine of textbook examples, which is not for sale",
      "graphcore-gc200: only its maker's own compiler runs models on it",
      "groq-lpu: only its maker's own compiler runs models on it",
      "himax-we1: a microcontroller: its memory holds no language model",
      "intel-sgx-enclave: an enclave of 128 MB holds no language model",
      "iphone-15-pro: a phone runs a small model for its owner and serves no others",
      "lockstep-safety-mcu: a microcontroller: its memory holds no language model",
      "nrf52840: a microcontroller: its memory holds no language model",
      "nuc-movidius: a chip for fixed vision networks",
      "oura-ring: a wearable: its memory holds no language model",
      "pixel-8: a phone runs a small model for its owner and serves no others",
      "reference-cpu: an idealised machine of textbook examples, which is not for sale",
      "robotaxi-reference: an idealised machine of textbook examples, which is not for sale",
      "snapdragon-8-gen-3: a phone runs a small model for its owner and serves no others",
      "tpu-v1: a chip for 8-bit integer networks, which is not for rent",
      "tpu-v2: no serving engine supports TPUs before v4",
      "tpu-v3: no serving engine supports TPUs before v4",
      "untether-speedai240: only its maker's own compiler runs models on it",
    ]
  `);
  const rows = listHardware().filter(({ servesLanguageModels }) => !servesLanguageModels);
  expect(rows.map(({ file, id }) => `${id}: ${resolveHardware(file).noLanguageModels}`)).toEqual(without);
});

test('names in logs and benchmarks resolve', () => {
  const found = namesInLogs.split('\n').map((line) => {
    const [name = ''] = line.split(' -> ');
    return `${name} -> ${resolveHardware(name).id}`;
  });
  expect(found.join('\n')).toBe(namesInLogs);
});

test('entries of the mlsysim registry resolve by their keys', () => {
  const keys =
    'V100 V100_PCIe A100 H100 H200 B200 GB200_NVL72 MI250X MI300X T4 Gaudi2 Gaudi3 Trainium2 TPUv1 TPUv2 TPUv3 TPUv4 TPUv5p TPUv6 Cerebras_CS3 Groq_LPU Graphcore_GC200 DMatrix_Corsair Untether_speedAI240 IntelSGX ReferenceCPU DGX_Spark MacBookM3Max JetsonAGXOrin JetsonOrinNX JetsonOrinNano Coral NUC_Movidius GenericServer RoboTaxi DriveThor iPhone15Pro Pixel8 Snapdragon8Gen3 AppleM2 ESP32_S3 nRF52840 HimaxWE1 OuraRing LockstepSafetyMCU_Reference';
  const ids = keys.split(' ').map((key) => resolveHardware(key).id);
  expect(new Set(ids).size).toBe(ids.length);
});
