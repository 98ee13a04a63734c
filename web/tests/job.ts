import type { Job } from '../src/core/types';

/** A job of one prediction; a test changes what it is about. */
export function jobFor(changes: Partial<Job> = {}): Job {
  return {
    engine: 'tfjs',
    backend: 'wasm',
    wasm_build: 'simd',
    gpu: null,
    device_type: null,
    threads: 1,
    rule: { min_predictions: 1, max_predictions: 1, max_seconds: 1, time_limit_seconds: null },
    pass: 'timing',
    eager_memory: false,
    loader: 'split',
    samples: 64,
    answer: 'last',
    model: { file: 'model/m', parts: {}, inputs: [], outputs: [] },
    ...changes,
  };
}
