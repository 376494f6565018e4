/** One suite for every FeatureStore. A producer puts, a consumer gets; for a store of one process they are the same object. */
import { seededRandom } from '@plimsoll/foundation/random';
import { describe, expect, test } from 'vitest';
import type { SampleRef } from '../contracts/sample-ref.ts';
import { natsServer, natsSkipReason } from '../nats/nats-server.test-data.ts';
import { examplePut, exampleSample } from './samples.test-data.ts';
import { codeOf, natsPair, nothingNeeded, storePairs, usual } from './store-pairs.test-data.ts';

// The suite of stores in NATS is in the list only where a server is.
test.skipIf(natsServer === null)(
  `a NATS server is here${natsServer === null ? `: ${natsSkipReason}` : ''}`,
  () => {
    expect(Object.keys(storePairs)).toHaveLength(4);
  },
);

describe.each(Object.entries(storePairs))('%s', (_name, makePair) => {
  test('gives back the bytes that were put', async () => {
    const { producer, consumer } = await makePair(usual);
    const put = examplePut(1, 7);
    const ref = await producer.put(put);
    const { tensors } = await consumer.get(ref);
    const expected = Object.fromEntries(
      Object.entries(put.features).map(([name, { dtype, shape, data }]) => [name, { dtype, shape, data }]),
    );
    expect(tensors).toEqual(expected);
    // Every tensor is aligned to its elements, so that consumers can view it.
    for (const { data } of Object.values(tensors)) expect(data.byteOffset % 4).toBe(0);
  });

  test('a ref survives JSON and holds no tensors', async () => {
    const { producer, consumer } = await makePair(usual);
    const ref = await producer.put(examplePut(1));
    const copy: SampleRef = JSON.parse(JSON.stringify(ref));
    expect(copy).toEqual(ref);
    expect(Object.keys((await consumer.get(copy)).tensors)).toEqual(['hidden', 'input-ids']);
  });

  test('retention "release" frees with the last lease, and a second release does nothing', async () => {
    const { producer, consumer } = await makePair({ ...usual, retention: 'release' });
    const ref = await producer.put(examplePut(1));
    const first = await consumer.get(ref);
    const second = await consumer.get(ref);
    await consumer.release(first.handle, 'consumed');
    await consumer.release(first.handle, 'consumed');
    await consumer.release((await consumer.get(ref)).handle, 'unused');
    expect((await producer.status()).samples).toBe(1);
    await consumer.release(second.handle, 'consumed');
    expect(await producer.status()).toMatchObject({ samples: 0, residentBytes: 0 });
    expect(await codeOf(consumer.get(ref))).toBe('features-gone');
    expect((await consumer.status()).leases).toBe(0);
  });

  test('retention "abort" keeps released features until they are aborted', async () => {
    const { producer, consumer } = await makePair(usual);
    const ref = await producer.put(examplePut(1));
    const { handle } = await consumer.get(ref);
    await consumer.release(handle, 'consumed');
    expect(Object.keys((await consumer.get(ref)).tensors)).toHaveLength(2);
    await consumer.abort(ref);
    await consumer.abort(ref);
    expect(await codeOf(consumer.get(ref))).toBe('features-gone');
    expect(await codeOf(consumer.adopt(ref))).toBe('features-gone');
    expect(await consumer.status()).toMatchObject({ leases: 0, pendingRemovals: 0 });
    expect((await producer.status()).samples).toBe(0);
  });

  test('an abort ends leases; their release does nothing to a later generation', async () => {
    const { producer, consumer } = await makePair({ ...usual, retention: 'release' });
    const ref = await producer.put(examplePut(1));
    const { handle } = await consumer.get(ref);
    await consumer.abort(ref);
    const later = await producer.put(examplePut(1));
    await consumer.release(handle, 'consumed');
    expect(Object.keys((await consumer.get(later)).tensors)).toHaveLength(2);
  });

  test('a repeated put makes a later generation and leaves the earlier one', async () => {
    const { producer, consumer } = await makePair(usual);
    const first = await producer.put(examplePut(1));
    const second = await producer.put(examplePut(1));
    expect(second.file.generation).toBeGreaterThan(first.file.generation);
    await consumer.abort(first);
    expect(await codeOf(consumer.get(first))).toBe('features-gone');
    expect(Object.keys((await consumer.get(second)).tensors)).toHaveLength(2);
  });

  test('a full store refuses a put and stays as it was', async () => {
    const { producer, consumer } = await makePair({ ...usual, bytesMax: 2200 });
    const ref = await producer.put(examplePut(1));
    const before = await producer.status();
    expect(await codeOf(producer.put(examplePut(2)))).toBe('feature-store-full');
    expect(await producer.status()).toEqual(before);
    await consumer.abort(ref);
    expect(await codeOf(producer.put(examplePut(2)))).toBe('none');
  });

  test('concurrent puts keep the limit together', async () => {
    const { producer } = await makePair({ ...usual, bytesMax: 4000 });
    const codes = await Promise.all(
      Array.from({ length: 8 }, (_, index) => codeOf(producer.put(examplePut(index)))),
    );
    const { samples, residentBytes } = await producer.status();
    expect(codes.filter((code) => code === 'none')).toHaveLength(samples);
    expect(codes.filter((code) => code === 'feature-store-full')).toHaveLength(8 - samples);
    expect(residentBytes).toBeLessThanOrEqual(4000);
  });

  test('gc frees what is old, unleased and not needed', async () => {
    const { producer, consumer, advance } = await makePair(usual);
    const refs: SampleRef[] = [];
    for (let index = 0; index < 3; index++) refs.push(await producer.put(examplePut(index)));
    const rule = { ageSecondsMin: 60, isNeeded: (sampleId: string) => sampleId === refs[1]?.sampleId };
    expect(await producer.gc(rule)).toBe(0);
    advance(61);
    expect(await producer.gc(rule)).toBe(2);
    const codes = await Promise.all(refs.map((ref) => codeOf(consumer.adopt(ref))));
    expect(codes).toEqual(['features-gone', 'none', 'features-gone']);
    expect(await producer.gc(nothingNeeded)).toBe(1);
  });

  test('torn, damaged and replaced files end in typed errors and leave no lease', async () => {
    const { producer, consumer, stored } = await makePair(usual);
    const ref = await producer.put(examplePut(1));
    const [name = '', ...others] = await stored.names();
    expect(others).toEqual([]);
    const whole = await stored.read(name);
    await stored.write(name, whole.subarray(0, -1));
    expect(await codeOf(consumer.get(ref))).toBe('feature-file-torn');
    expect(await codeOf(consumer.adopt(ref))).toBe('feature-file-torn');
    const random = seededRandom(7);
    for (let round = 0; round < 40; round++) {
      const damaged = Buffer.from(whole);
      const place = Math.floor(random() * damaged.byteLength);
      damaged[place] = (damaged[place] ?? 0) ^ (1 << Math.floor(random() * 8));
      await stored.write(name, damaged);
      expect(await codeOf(consumer.get(ref))).toBe('feature-hash-mismatch');
    }
    await stored.remove(name);
    expect(await codeOf(consumer.get(ref))).toBe('features-gone');
    expect((await consumer.status()).leases).toBe(0);
  });

  test('a ref that says something else than its file is refused', async () => {
    const { producer, consumer } = await makePair(usual);
    const ref = await producer.put(examplePut(1));
    const other = { ...ref, target: { ...ref.target, sha256: 'b'.repeat(64) } };
    expect(await codeOf(consumer.get(other))).toBe('feature-manifest-mismatch');
    const renamed = { ...ref, sampleId: 'run:task-2' };
    expect(await codeOf(consumer.get(renamed))).toBe('bad-feature-address');
    const outside = { ...ref, file: { ...ref.file, address: 'file:///etc/passwd' } };
    expect(await codeOf(consumer.get(outside))).toBe('bad-feature-address');
  });

  test('features that no working target computes are refused before anything is written', async () => {
    const { producer, stored } = await makePair(usual);
    const put = examplePut(1, 4);
    const hidden = put.features.hidden;
    if (hidden === undefined) throw new Error('the example has hidden states');
    const values = new Float32Array(hidden.data.slice().buffer);
    const withValues = (change: (value: number, index: number) => number) => ({
      ...put,
      features: { hidden: { ...hidden, data: new Uint8Array(values.map(change).buffer) } },
    });
    const codes = {
      zero: await codeOf(producer.put(withValues(() => 0))),
      constant: await codeOf(producer.put(withValues(() => 0.25))),
      // The second of three layers, in every row.
      'zero layer': await codeOf(
        producer.put(withValues((value, index) => (Math.floor((index % 12) / 4) === 1 ? 0 : value))),
      ),
      nan: await codeOf(producer.put(withValues((value, index) => (index === 17 ? Number.NaN : value)))),
      infinity: await codeOf(producer.put(withValues((value, index) => (index === 47 ? -Infinity : value)))),
      'wrong bytes': await codeOf(
        producer.put({ ...put, features: { hidden: { ...hidden, shape: [3, 12] } } }),
      ),
      'uneven layers': await codeOf(
        producer.put({ ...put, features: { hidden: { ...hidden, layerIds: [1, 2, 3, 4, 5] } } }),
      ),
      'no features': await codeOf(producer.put({ ...put, features: {} })),
      'tensor in metadata': await codeOf(
        producer.put({ ...put, sample: { ...exampleSample(1), metadata: { hidden: new Float32Array(3) } } }),
      ),
      'path in id': await codeOf(producer.put({ ...put, sample: { ...exampleSample(1), sampleId: '../x' } })),
    };
    expect(codes).toMatchInlineSnapshot(`
      {
        "constant": "constant-features",
        "infinity": "non-finite-features",
        "nan": "non-finite-features",
        "no features": "bad-feature-manifest",
        "path in id": "bad-sample",
        "tensor in metadata": "tensor-in-control-plane",
        "uneven layers": "bad-feature",
        "wrong bytes": "bad-feature",
        "zero": "constant-features",
        "zero layer": "constant-features",
      }
    `);
    expect(await stored.names()).toEqual([]);
  });
});

test.skipIf(natsServer === null)(
  'parts of a put that died are garbage, and removed objects leave nothing',
  async () => {
    const { producer, stored, advance, server, bucket } = await natsPair(usual);
    const { streams, manager } = await server.connect();
    await streams.publish(`$O.${bucket}.C.dead`, new Uint8Array(100));
    const ref = await producer.put(examplePut(1));
    const rule = { ageSecondsMin: 60, isNeeded: () => true };
    expect(await producer.gc(rule)).toBe(0);
    advance(61);
    expect(await producer.gc(rule)).toBe(1);
    await producer.abort(ref);
    expect(await stored.names()).toEqual([]);
    expect((await manager.streams.info(`OBJ_${bucket}`)).state.messages).toBe(0);
  },
);
