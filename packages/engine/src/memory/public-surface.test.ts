/** What others may rely on. A change here is a change of the contract, and is made on purpose or not at all. */
import { expect, test } from 'vitest';
import {
  createMemoryManager,
  createWasmArena,
  DeviceAllocator,
  MemoryAccount,
  MemoryManager,
  modelOptions,
  PinnedAllocator,
  VramAllocator,
} from '../index.ts';

/** `name(parameters)` of methods, `name` of getters, in order of declaration. */
function members(prototype: object): string[] {
  return Object.entries(Object.getOwnPropertyDescriptors(prototype))
    .filter(([name]) => name !== 'constructor')
    .map(([name, { value }]) => (typeof value === 'function' ? `${name}(${value.length})` : name));
}

test('memory classes', () => {
  const classes = { MemoryManager, VramAllocator, PinnedAllocator, DeviceAllocator, MemoryAccount };
  const surface = Object.entries(classes).map(
    ([name, each]) => `${name}: ${members(each.prototype).join(', ')}`,
  );
  expect(surface).toMatchInlineSnapshot(`
    [
      "MemoryManager: computeBudget(1), planStorage(1), plan(1), adopt(1), region(1), adoptedPlan, ledger(0), close(0), checkIntegrity(0)",
      "VramAllocator: totalBytes, headroomBytes, allocatedBytes, availableBytes, arenas, regionCount, memory(1), view(1), openArena(1), allocate(1), place(1), release(1), closeArena(1), report(0), checkIntegrity(0)",
      "PinnedAllocator: isOpen, allocatedBytes, freeBytes, open(0), allocate(1), release(1), close(0), checkIntegrity(0)",
      "DeviceAllocator: allocatedBytes, allocate(1), release(1), reset(0), highWaterBytes(1), close(0), checkIntegrity(0)",
      "MemoryAccount: allocatedBytes, headroomBytes, keepFree(1), availableBytes, charges(0), charge(2), discharge(1), checkIntegrity(0)",
    ]
  `);
});

test('memory functions', () => {
  const functions = [createMemoryManager, createWasmArena, modelOptions];
  expect(functions.map((each) => `${each.name}(${each.length})`)).toMatchInlineSnapshot(`
    [
      "createMemoryManager(1)",
      "createWasmArena(1)",
      "modelOptions(1)",
    ]
  `);
});
