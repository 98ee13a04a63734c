import { afterEach, describe, expect, it, vi } from 'vitest';
import { failureOf } from '../src/core/fault';
import { RefusalWatch } from '../src/core/refusal';

describe('failureOf', () => {
  it('is a lost context whatever fails for it', () => {
    const lost = 'the browser took the WebGL context away';
    expect(failureOf(new Error('Failed to compile fragment shader.'), { lost, refused: 'no' })).toEqual({
      reason: `Failed to compile fragment shader. (${lost})`,
      fault: 'lost context',
    });
    expect(failureOf(new Error(`Lost: ${lost}.`), { lost }).reason).toBe(`Lost: ${lost}.`);
  });

  it.each([
    'Array buffer allocation failed',
    'WebAssembly.Memory(): could not allocate memory',
    'WebAssembly.Memory.grow(): Maximum memory size exceeded',
    'Aborted(OOM)',
    "Failed to construct 'ImageData': Out of memory at ImageData creation",
    'allocation size overflow',
    "Can't create a session. ERROR_CODE: 6, ERROR_MESSAGE: std::bad_alloc",
    'failed to allocate a buffer of size 13965803.',
    'Cannot enlarge memory arrays to size 4294967296 bytes (OOM).',
  ])('is out of memory: %s', (message) => {
    expect(failureOf(new RangeError(message), {})).toEqual({ reason: message, fault: 'out of memory' });
  });

  it('is out of memory where a heap could not grow before an engine failed in its own way', () => {
    expect(failureOf(new Error('memory access out of bounds'), { refused: 'Unable to grow' })).toEqual({
      reason: 'memory access out of bounds (the WebAssembly heap could not grow: Unable to grow)',
      fault: 'out of memory',
    });
  });

  it.each([
    'x is not a function',
    'memory access out of bounds',
    'no room in the groom',
    'Node number 0 (Erfc) failed to prepare. [litert_compiled_model.cc:164] Failed to allocate tensors',
  ])('has no name: %s', (message) => {
    expect(failureOf(new Error(message), {})).toEqual({ reason: message });
  });
});

describe('RefusalWatch', () => {
  afterEach(() => {
    vi.unstubAllGlobals();
  });

  function watched() {
    const heard: Record<string, (event: unknown) => void> = {};
    vi.stubGlobal('addEventListener', (name: string, listener: (event: unknown) => void) => (heard[name] = listener));
    const watch = new RefusalWatch();
    return { watch, unhandled: (reason: unknown) => heard.unhandledrejection?.({ reason }) };
  }

  it('notes a heap that could not grow, until it could', () => {
    const { watch } = watched();
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 3 });
    expect(() => memory.grow(9)).toThrow();
    expect(watch.ofHeap).toMatch(/grow/);
    expect(memory.grow(1)).toBe(1);
    expect(watch.ofHeap).toBeUndefined();
  });

  it('asks after an access out of bounds whether the heap was full', () => {
    const { watch } = watched();
    const bounds = new WebAssembly.RuntimeError('memory access out of bounds');
    watch.askAfter(bounds);
    const roomy = new WebAssembly.Memory({ initial: 1, maximum: 100 });
    roomy.grow(1);
    watch.askAfter(bounds);
    expect(watch.ofHeap).toBeUndefined();

    const full = new WebAssembly.Memory({ initial: 16, maximum: 40 });
    full.grow(16);
    watch.askAfter(new Error('x is not a function'));
    expect(watch.ofHeap).toBeUndefined();
    watch.askAfter(bounds);
    expect(watch.ofHeap).toMatch(/^from 2 MiB to twice as much: .*grow/);
  });

  it('ends work for which memory was refused without anybody having caught it', async () => {
    const { watch, unhandled } = watched();
    const guarded = watch.guard(new Promise(() => undefined));
    unhandled(new Error('something else'));
    unhandled(new RangeError('WebAssembly.Memory(): could not allocate memory'));
    await expect(guarded).rejects.toThrow('could not allocate memory');
    await expect(watch.guard(new Promise(() => undefined))).rejects.toThrow('could not allocate memory');
  });
});
