import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { digest, element, fillInput, hash, sampleIndices, summarise } from '../src/core/inputs';
import type { Fill } from '../src/core/types';

interface Vectors {
  hash: { position: number; index: number; hash: number }[];
  fill: (Fill & { position: number; float32_bits?: string[]; integers?: number[] })[];
  sample_indices: { size: number; index: number[] }[];
  digest: { bytes_hex: string; digest: string }[];
  summary: {
    float32_bits: string[];
    non_finite: number;
    l1: number;
    l2: number;
    max: number;
    digest: string;
    sample: { index: number[]; value: number[] };
  }[];
}

const vectors = JSON.parse(
  readFileSync(new URL('../../tests/models/input_vectors.json', import.meta.url), 'utf8'),
) as Vectors;

function floats(bits: string[]): Float32Array {
  const words = Uint32Array.from(bits, (text) => parseInt(text, 16));
  return new Float32Array(words.buffer);
}

function bitsOf(values: Float32Array): string[] {
  const words = new Uint32Array(values.buffer);
  return Array.from(words, (word) => word.toString(16).padStart(8, '0'));
}

describe('the published input formula', () => {
  it('hashes index and position as published', () => {
    for (const vector of vectors.hash) expect(hash(vector.index, vector.position)).toBe(vector.hash);
  });

  it('fills inputs as published, to the last bit', () => {
    for (const { position, kind, low, high, float32_bits, integers } of vectors.fill) {
      const fill = { kind, low, high };
      if (float32_bits) {
        const values = fillInput({ dtype: 'float32', shape: [float32_bits.length], fill, position });
        expect(bitsOf(values as Float32Array)).toEqual(float32_bits);
      }
      for (const dtype of integers ? (['int32', 'int64'] as const) : []) {
        const values = fillInput({ dtype, shape: [1, integers?.length ?? 0], fill, position });
        expect(Array.from(values, Number)).toEqual(integers);
      }
    }
  });

  it('gives each input values of its own', () => {
    const fill: Fill = { kind: 'uniform', low: 0, high: 1 };
    expect(element(fill, 5, 0)).not.toBe(element(fill, 5, 1));
  });
});

describe('the summary of an output', () => {
  it('samples the published places', () => {
    for (const { size, index } of vectors.sample_indices) expect(sampleIndices(size)).toEqual(index);
  });

  it.each([1, 64, 4096, 65536])('samples as many places as are asked for: %d', (samples) => {
    expect(sampleIndices(10, samples)).toHaveLength(Math.min(10, samples));
    const index = sampleIndices(7_000_000, samples);
    expect(index).toHaveLength(samples);
    expect(new Set(index).size).toBe(samples);
    expect(index.at(-1)).toBe(Math.floor(((samples - 1) * 7_000_000) / samples));
  });

  it('shows the values at the places that are asked for', () => {
    const values = Float32Array.from({ length: 5000 }, (_, i) => i);
    const { sample } = summarise('out', [5000], values, 4096);
    expect(sample.index).toHaveLength(4096);
    expect(sample.value).toEqual(sample.index);
    expect(summarise('out', [5000], values).sample.index).toHaveLength(64);
  });

  it('digests bytes as published', () => {
    for (const { bytes_hex, digest: expected } of vectors.digest) {
      expect(digest(Uint8Array.from(Buffer.from(bytes_hex, 'hex')))).toBe(expected);
    }
  });

  it('agrees with the published summaries, also of values that are not finite', () => {
    for (const vector of vectors.summary) {
      const values = floats(vector.float32_bits);
      const summary = summarise('out', [values.length], values);
      expect(summary).toMatchObject({ non_finite: vector.non_finite, max: vector.max, digest: vector.digest });
      expect(summary.sample.index).toEqual(vector.sample.index);
      expect(summary.sample.value.map(Number)).toEqual(vector.sample.value);
      expect(summary.l1).toBeCloseTo(vector.l1, 9);
      expect(summary.l2).toBeCloseTo(vector.l2, 9);
    }
  });

  it('reads only its own part of a shared buffer', () => {
    const all = Float32Array.of(9, 1, -2, 9);
    expect(summarise('out', [2], all.subarray(1, 3))).toEqual(summarise('out', [2], Float32Array.of(1, -2)));
  });

  it('takes whole numbers of 64 bits for floats, as an index of a class is', () => {
    expect(summarise('out', [2], BigInt64Array.of(7n, -3n))).toEqual(summarise('out', [2], Float32Array.of(7, -3)));
  });
});

describe('inputs of 8 bits', () => {
  const fill: Fill = { kind: 'integers', low: 0, high: 2 };

  it.each([
    ['int8', Int8Array],
    ['uint8', Uint8Array],
    ['bool', Uint8Array],
  ] as const)('are filled as %s', (dtype, kind) => {
    const values = fillInput({ dtype, shape: [64], fill, position: 0 });
    expect(values).toBeInstanceOf(kind);
    expect(new Set<number | bigint>(values)).toEqual(new Set([0, 1]));
  });

  it('have one value when they are scalars', () => {
    expect(fillInput({ dtype: 'int8', shape: [], fill, position: 0 })).toHaveLength(1);
  });
});
