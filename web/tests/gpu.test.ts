import { afterEach, describe, expect, it, vi } from 'vitest';
import { GpuWatch, isSoftwareRenderer, softwareOf, preferenceOf, whyNotHonoured } from '../src/core/gpu';

const UNMASKED = 37446;

/** A browser's canvas and WebGPU; what they are asked for is kept. */
function browser(adapter: Partial<GPUAdapterInfo> = {}) {
  const asked: unknown[] = [];
  let lose: (info: { reason: string; message: string }) => void = () => undefined;
  const lost = new Promise((resolve) => {
    lose = resolve;
  });
  const listeners: ((event: unknown) => void)[] = [];
  const context = {
    getExtension: (name: string) => (name.includes('debug') ? { UNMASKED_RENDERER_WEBGL: UNMASKED } : null),
    getParameter: (name: number) => (name === UNMASKED ? 'Radeon' : 'masked'),
  };
  class HTMLCanvasElement {
    getContext(kind: string, attributes?: unknown) {
      asked.push(attributes);
      return kind === '2d' ? {} : context;
    }
    addEventListener(_: string, listener: (event: unknown) => void) {
      listeners.push(listener);
    }
  }
  class GPUAdapter {
    info = adapter;
    requestDevice() {
      return Promise.resolve({
        features: new Set(['timestamp-query', 'shader-f16']),
        lost,
        addEventListener: (_: string, listener: (event: unknown) => void) => listeners.push(listener),
      });
    }
  }
  class GPU {
    requestAdapter(options?: unknown) {
      asked.push(options);
      return Promise.resolve(new GPUAdapter());
    }
  }
  vi.stubGlobal('HTMLCanvasElement', HTMLCanvasElement);
  vi.stubGlobal('GPUAdapter', GPUAdapter);
  vi.stubGlobal('GPU', GPU);
  const watch = new GpuWatch();
  const canvas = new HTMLCanvasElement();
  const device = async (options?: unknown) => (await new GPU().requestAdapter(options)).requestDevice();
  return { watch, canvas, device, asked, lose, listeners };
}

afterEach(() => {
  vi.unstubAllGlobals();
});

describe('GpuWatch', () => {
  it('leaves what a framework asks for as it is, and tells it', async () => {
    const { watch, canvas, device, asked } = browser({ vendor: 'amd', architecture: 'rdna-3' });
    canvas.getContext('webgl2', { alpha: false });
    expect(asked).toEqual([{ alpha: false }]);
    expect(watch.webgl()).toEqual({ renderer: 'Radeon', renderer_software: false, power_preference: 'none' });
    await device({ powerPreference: 'high-performance' });
    expect(watch.webgpu()).toEqual({
      renderer: 'amd rdna-3',
      renderer_software: false,
      power_preference: 'high-performance',
      environment: { webgpu_features: 'shader-f16 timestamp-query' },
    });
  });

  it('gives every question the preference that is wanted', async () => {
    const { watch, canvas, device, asked } = browser();
    watch.preference = 'low-power';
    canvas.getContext('2d');
    canvas.getContext('webgl2', { powerPreference: 'high-performance', depth: false });
    await device({ powerPreference: 'high-performance' });
    expect(asked).toEqual([
      undefined,
      { powerPreference: 'low-power', depth: false },
      { powerPreference: 'low-power' },
    ]);
    expect(watch.webgl().power_preference).toBe('low-power');
  });

  it('claims nothing of what nobody asked for', () => {
    const { watch, canvas } = browser();
    canvas.getContext('2d');
    expect(watch.webgl()).toEqual({});
    expect(watch.webgpu()).toEqual({});
    expect(watch.loss.reason).toBeUndefined();
  });

  it('takes an adapter that the browser calls a fallback for software', async () => {
    const { watch, device } = browser({ vendor: 'google', isFallbackAdapter: true });
    await device();
    expect(watch.webgpu().renderer_software).toBe(true);
  });

  it('tells that a device was taken away, not that it was given back', async () => {
    const { watch, device, lose } = browser();
    await device();
    lose({ reason: 'destroyed', message: '' });
    await Promise.resolve();
    expect(watch.loss.reason).toBeUndefined();

    const other = browser();
    await other.device();
    other.lose({ reason: 'unknown', message: 'a reset.' });
    const lost = () => {
      expect(other.watch.loss.reason).toBe('the browser took the WebGPU device away: a reset');
    };
    await vi.waitFor(lost, { timeout: 30_000 });
  });

  it('tells a lost context though another one was made in its place', () => {
    const { watch, canvas, listeners } = browser();
    canvas.getContext('webgl2');
    canvas.getContext('webgl2');
    expect(listeners).toHaveLength(1);
    listeners[0]?.({ statusMessage: 'a reset' });
    canvas.getContext('webgl2');
    expect(watch.loss.reason).toBe('the browser took the WebGL context away: a reset');
  });
});

describe('a power preference', () => {
  it('belongs to two of the GPUs', () => {
    expect(['integrated', 'discrete', 'hardware', 'software'].map(preferenceOf)).toEqual([
      'low-power',
      'high-performance',
      undefined,
      undefined,
    ]);
  });

  const two = { 'low-power': 'Iris', 'high-performance': 'GeForce' };

  it('was followed where the other one gives another GPU', () => {
    expect(whyNotHonoured('low-power', 'Iris', two)).toBeUndefined();
    expect(whyNotHonoured('high-performance', 'GeForce', two)).toBeUndefined();
  });

  it('was not followed where the engine computed elsewhere', () => {
    expect(whyNotHonoured('low-power', 'GeForce', two)).toBe(
      "The browser's low-power GPU is Iris, but the engine computed on GeForce.",
    );
  });

  it('shows nothing where there is one GPU', () => {
    const one = { 'low-power': 'Iris', 'high-performance': 'Iris' };
    expect(whyNotHonoured('high-performance', 'Iris', one)).toBe(
      'The browser gives the same GPU for both power preferences: Iris.',
    );
    expect(whyNotHonoured('low-power', 'Iris', { ...one, 'low-power': undefined })).toContain('is missing');
  });
});

describe('isSoftwareRenderer', () => {
  it.each([
    ['ANGLE (Google, Vulkan 1.3.0 (SwiftShader Device (Subzero)), SwiftShader driver)', true],
    ['Mesa llvmpipe (LLVM 15.0.6, 256 bits)', true],
    ['Adreno (TM) 740', false],
    ['ANGLE (NVIDIA, NVIDIA GeForce RTX 3060)', false],
    ['Android PixelFlinger 1.4', true],
    ['Android Emulator OpenGL ES Translator (Google SwiftShader)', true],
  ])('%s', (renderer, software) => {
    expect(isSoftwareRenderer(renderer)).toBe(software);
  });
});

describe('softwareOf', () => {
  it.each(['', 'Mozilla', 'WebKit WebGL', 'ANGLE', 'Generic Renderer'])('does not know it of “%s”', (renderer) => {
    expect(softwareOf(renderer, undefined)).toBeUndefined();
    expect(softwareOf(renderer, true)).toBe(true);
    expect(softwareOf(renderer, false)).toBe(false);
  });

  it('takes a GPU by its name for one, unless the browser calls it a fallback', () => {
    expect(softwareOf('Adreno (TM) 740', undefined)).toBe(false);
    expect(softwareOf('Adreno (TM) 740', true)).toBe(true);
    expect(softwareOf('SwiftShader Device', false)).toBe(true);
  });
});
