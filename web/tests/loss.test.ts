import { afterEach, describe, expect, it, vi } from 'vitest';
import { GpuLoss } from '../src/core/loss';

/** A canvas whose context can be lost, and a device that is refused memory. */
function gpu() {
  const heard: Record<string, (event: unknown) => void> = {};
  const addEventListener = (name: string, listener: (event: unknown) => void) => (heard[name] = listener);
  class GPUOutOfMemoryError {
    constructor(readonly message: string) {}
  }
  vi.stubGlobal('GPUOutOfMemoryError', GPUOutOfMemoryError);
  const loss = new GpuLoss();
  loss.ofCanvas({ addEventListener } as unknown as HTMLCanvasElement);
  loss.ofDevice({ addEventListener, lost: new Promise(() => undefined) } as unknown as GPUDevice);
  const lose = () => heard.webglcontextlost?.({ statusMessage: '' });
  const refuse = (error: unknown) => heard.uncapturederror?.({ error });
  return { loss, lose, refuse, GPUOutOfMemoryError };
}

afterEach(() => {
  vi.unstubAllGlobals();
});

describe('GpuLoss', () => {
  it('ends work that would wait for ever', async () => {
    const { loss, lose } = gpu();
    const guarded = loss.guard(new Promise(() => undefined));
    lose();
    await expect(guarded).rejects.toThrow("The GPU's work is lost: the browser took the WebGL context away.");
  });

  it('leaves work alone that ends', async () => {
    const { loss } = gpu();
    await expect(loss.guard(Promise.resolve(7))).resolves.toBe(7);
    await expect(loss.guard(Promise.reject(new Error('other')))).rejects.toThrow('other');
  });

  it('waits a while for a loss that is told late, and no longer', async () => {
    const { loss, lose } = gpu();
    await loss.settled(1);
    expect(loss.reason).toBeUndefined();
    setTimeout(lose, 5);
    const begun = performance.now();
    await loss.settled(60_000);
    expect(loss.reason).toBe('the browser took the WebGL context away');
    expect(performance.now() - begun).toBeLessThan(10_000);
  });

  it('takes nothing for lost that the page gives back', () => {
    const { loss, lose } = gpu();
    loss.end();
    lose();
    expect(loss.reason).toBeUndefined();
  });

  it('keeps that memory was refused, and no other complaint', () => {
    const { loss, refuse, GPUOutOfMemoryError } = gpu();
    refuse({ message: 'a validation error' });
    expect(loss.refusal).toBeUndefined();
    refuse(new GPUOutOfMemoryError('4 GB are too much'));
    expect(loss.refusal).toBe('4 GB are too much');
  });
});
