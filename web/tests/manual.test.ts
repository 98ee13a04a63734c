import { describe, expect, it } from 'vitest';
import { threadChoices } from '../src/manual/choosing';
import { duration, quantile, renderer, tables } from '../src/manual/showing';
import type { Measurement } from '../src/core/types';

const backend = {
  name: 'wasm',
  axes: [{ name: 'wasm_build', title: 'wasm build', values: ['simd', 'simd-threads', 'threads'] }],
  single_threaded: false,
  single_threaded_builds: ['simd'],
  multi_threaded_builds: ['threads'],
};

describe('thread counts to choose', () => {
  it.each([
    ['simd-threads', 8, true, [1, 2, 4, 8]],
    ['simd-threads', 2, true, [1, 2]],
    ['simd-threads', 6, true, [1, 2, 4, 6]],
    ['simd-threads', 8, false, [1]],
    ['simd', 8, true, [1]],
    ['simd-threads', 1, true, [1]],
    ['threads', 8, true, [2, 4, 8]],
    ['threads', 1, true, [2]],
  ])('for %s on %i cores, isolated: %s', (build, cores, isolated, expected) => {
    expect(threadChoices(backend, build, cores, isolated)).toEqual(expected);
  });

  it('is one for a backend that always runs on one thread', () => {
    expect(threadChoices({ ...backend, single_threaded: true }, 'simd-threads', 8, true)).toEqual([1]);
  });
});

const measurement: Measurement = {
  schema: 'mobilebench/measurement/1',
  status: 'ok',
  engine: 'tfjs',
  proof: {},
  setup_ms: { framework_download: 50, model_init: 100 },
  warmup_ms: [200],
  prediction_ms: [30, 10, 20],
  readback_ms: [],
  compilation: {},
  output: [],
};

describe('a measurement for people', () => {
  it('has stages with bars against the longest', () => {
    expect(tables(measurement)).toEqual([
      {
        title: 'Stages',
        rows: [
          { name: 'framework download', value: '50.0 ms', share: 0.25 },
          { name: 'model start', value: '100 ms', share: 0.5 },
          { name: 'first inference', value: '200 ms', share: 1 },
          { name: 'later inferences: median of 3', value: '20.0 ms', share: 0.1 },
          { name: '90 of 100 within', value: '28.0 ms', share: 0.14 },
        ],
      },
    ]);
  });

  it('adds up kernels of one name and leaves out the short ones', () => {
    const kernels = Array.from({ length: 12 }, (_, i) => ({
      name: i < 2 ? 'Conv2D' : `K${i}`,
      clock: 'cpu' as const,
      times_ms: [i < 2 ? 30 : i, i < 2 ? 30 : i, i < 2 ? 30 : i],
    }));
    const table = tables({ ...measurement, kernels })[1];
    expect(table?.title).toBe('Kernels of one inference: the 10 longest of 11 kinds, by the processor’s clock');
    expect(table?.rows).toHaveLength(10);
    expect(table?.rows[0]).toMatchObject({ name: 'Conv2D', value: '60.0 ms' });
  });

  it('tells memory under the name of what told it', () => {
    const page = [{ at_ms: 1, stage: 'model_init', wasm_heap_bytes: 2 ** 21, tf_tensors: 7 }];
    page.push({ at_ms: 2, stage: 'warmup', wasm_heap_bytes: 2 ** 22, tf_tensors: 8 });
    const shown = tables({ ...measurement, memory: { page, kernels: [], notes: [] } }).slice(1);
    const rows = [
      { name: 'model start', value: '2.0 MiB', share: 0.5 },
      { name: 'first inference', value: '4.0 MiB', share: 1 },
    ];
    expect(shown).toEqual([{ title: 'Memory: WebAssembly heap', rows }]);
  });

  it('says whose clock timed all of few kernels', () => {
    const kernels = [
      { name: 'Conv2D', clock: 'gpu' as const, times_ms: [1, 1, 1] },
      { name: 'Identity', clock: 'cpu' as const, times_ms: [1, 1, 1] },
    ];
    const title = 'Kernels of one inference: all kinds, by the GPU’s clock and the processor’s clock';
    expect(tables({ ...measurement, kernels })[1]?.title).toBe(title);
  });

  it('names the GPU, or says that it is none', () => {
    expect(renderer(measurement)).toBeUndefined();
    expect(renderer({ ...measurement, proof: { renderer: 'Mali-G78', renderer_software: false } })).toBe(
      'Computed by Mali-G78.',
    );
    expect(renderer({ ...measurement, proof: { renderer: 'SwiftShader', renderer_software: true } })).toBe(
      'Computed by SwiftShader: software on the processor, no GPU.',
    );
  });

  it('shows nothing of what failed', () => {
    expect(tables({ ...measurement, setup_ms: {}, warmup_ms: [], prediction_ms: [] })).toEqual([]);
  });
});

it('quantiles lie between values', () => {
  expect([quantile([1, 2, 3, 4], 0.5), quantile([7], 0.9), quantile([0, 10], 0.25)]).toEqual([2.5, 7, 2.5]);
});

it('durations have about three digits', () => {
  expect([0.1234, 12.34, 123.4, 1234].map(duration)).toEqual(['0.12 ms', '12.3 ms', '123 ms', '1.23 s']);
});
