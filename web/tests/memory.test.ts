import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { HeapWatch, PageMemoryReader } from '../src/recorders/memory';

const PAGE_BYTES = 65536;
/** (module (memory (export "memory") 3)) */
const EXPORTS_MEMORY = Uint8Array.from([
  0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 5, 3, 1, 0, 3, 7, 10, 1, 6, 0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79, 2, 0,
]);

const original = { ...webAssembly() };

function webAssembly() {
  const { Memory, Instance, instantiate, instantiateStreaming } = WebAssembly;
  return { Memory, Instance, instantiate, instantiateStreaming };
}

afterEach(() => {
  Object.assign(WebAssembly, original);
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

describe('HeapWatch', () => {
  it('knows memories that the page makes, and their growth', () => {
    const watch = new HeapWatch();
    expect(watch.bytes).toBe(0);
    const memory = new WebAssembly.Memory({ initial: 2, maximum: 9 });
    expect(memory).toBeInstanceOf(original.Memory);
    expect(watch.bytes).toBe(2 * PAGE_BYTES);
    memory.grow(3);
    expect(watch.bytes).toBe(5 * PAGE_BYTES);
  });

  it('knows shared memories, which threads use', () => {
    const watch = new HeapWatch();
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 4, shared: true });
    expect(memory.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(watch.bytes).toBe(PAGE_BYTES);
  });

  it('knows memories that an instance exports, however it was made, and each once', async () => {
    const watch = new HeapWatch();
    const { instance } = await WebAssembly.instantiate(EXPORTS_MEMORY);
    expect(instance.exports.memory).toBeInstanceOf(original.Memory);
    expect(watch.bytes).toBe(3 * PAGE_BYTES);
    const module = await WebAssembly.compile(EXPORTS_MEMORY);
    const other = await WebAssembly.instantiate(module);
    expect(other.exports.memory).toBeInstanceOf(original.Memory);
    expect(watch.bytes).toBe(6 * PAGE_BYTES);
    expect(new WebAssembly.Instance(module)).toBeInstanceOf(original.Instance);
    expect(watch.bytes).toBe(9 * PAGE_BYTES);
  });

  it('lets failures through', async () => {
    const watch = new HeapWatch();
    await expect(WebAssembly.instantiate(new Uint8Array(4))).rejects.toThrow(WebAssembly.CompileError);
    expect(watch.bytes).toBe(0);
  });
});

describe('PageMemoryReader', () => {
  const measure = vi.fn();

  beforeEach(() => {
    measure.mockReset();
    vi.stubGlobal('performance', {
      now: () => 12.5,
      memory: { usedJSHeapSize: 11, totalJSHeapSize: 22 },
      measureUserAgentSpecificMemory: measure,
    });
  });

  it('tells everything under its own name', async () => {
    measure.mockResolvedValue({ bytes: 33 });
    const watch = new PageMemoryReader(true);
    const memory = new WebAssembly.Memory({ initial: 1 });
    await watch.read('model_init', { tf_bytes: 44, tf_tensors: 5 });
    expect(memory.buffer.byteLength).toBe(PAGE_BYTES);
    expect(watch.readings).toEqual([
      {
        at_ms: 12.5,
        stage: 'model_init',
        wasm_heap_bytes: PAGE_BYTES,
        performance_memory_bytes: 11,
        performance_memory_total_bytes: 22,
        user_agent_bytes: 33,
        tf_bytes: 44,
        tf_tensors: 5,
      },
    ]);
    expect(watch.held()).toEqual({ wasm_heap_bytes: PAGE_BYTES, performance_memory_bytes: 11 });
  });

  it('leaves out what a browser does not have', async () => {
    vi.stubGlobal('performance', { now: () => 1 });
    const watch = new PageMemoryReader(true);
    await watch.read('prediction');
    expect(watch.readings).toEqual([{ at_ms: 1, stage: 'prediction', wasm_heap_bytes: 0 }]);
    expect(watch.notes).toEqual([]);
  });

  it('asks a browser that counts late once only, when all is done', async () => {
    measure.mockResolvedValue({ bytes: 33 });
    const watch = new PageMemoryReader(false);
    await watch.read('warmup');
    expect(measure).not.toHaveBeenCalled();
    await watch.read('prediction');
    expect(watch.readings.map((reading) => reading.user_agent_bytes)).toEqual([undefined, 33]);
  });

  it('gives up waiting, says so, and asks again only in the end', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout'] });
    measure.mockReturnValue(new Promise(() => undefined));
    const watch = new PageMemoryReader(true);
    for (const stage of ['framework_init', 'model_init', 'prediction']) {
      const reading = watch.read(stage);
      await vi.advanceTimersByTimeAsync(3000);
      await reading;
    }
    expect(measure).toHaveBeenCalledTimes(2);
    expect(watch.readings).toHaveLength(3);
    expect(watch.notes).toEqual(['the browser did not count the memory of a page whose workers wait']);
  });

  it('says why a browser refuses', async () => {
    measure.mockRejectedValue(new Error('not isolated'));
    const watch = new PageMemoryReader(true);
    await watch.read('prediction');
    expect(watch.notes).toEqual(["the browser does not count the page's memory: Error: not isolated"]);
  });
});
