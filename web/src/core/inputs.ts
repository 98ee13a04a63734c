// The published input formula and the summary of an output; mobilebench/models/synthetic_inputs.py states both.
import type { Dtype, Fill, InputJob, Job, OutputSummary, Values } from './types';

const SAMPLES = 64;

/** Returns `h` of the formula for element `index` of input number `position`, as an unsigned 32-bit integer. */
export function hash(index: number, position: number): number {
  let h = (index + Math.imul(position, 0x9e3779b9)) >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d);
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Returns one element: a float64 that will be stored as float32, or an integer. */
export function element(fill: Fill, index: number, position: number): number {
  const h = hash(index, position);
  if (fill.kind === 'integers') return fill.low + (h % (fill.high - fill.low));
  return fill.low + ((fill.high - fill.low) * (h >>> 8)) / 2 ** 24;
}

/** Returns the values of one input, in the element type of the model's file. */
export function fillInput(input: Pick<InputJob, 'dtype' | 'shape' | 'fill' | 'position'>): Values {
  const values = emptyValues(input.dtype, sizeOf(input.shape));
  for (let i = 0; i < values.length; i++) {
    const value = element(input.fill, i, input.position);
    if (values instanceof BigInt64Array) values[i] = BigInt(Math.trunc(value));
    else values[i] = value;
  }
  return values;
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function emptyValues(dtype: Dtype, size: number): Values {
  switch (dtype) {
    case 'float32':
      return new Float32Array(size);
    case 'int32':
      return new Int32Array(size);
    case 'int64':
      return new BigInt64Array(size);
    case 'int8':
      return new Int8Array(size);
    case 'uint8':
    case 'bool':
      return new Uint8Array(size);
  }
}

/** Returns at most `samples` evenly spread indices: floor(k * size / n) for k < n = min(size, samples). */
export function sampleIndices(size: number, samples = SAMPLES): number[] {
  const count = Math.min(size, samples);
  return Array.from({ length: count }, (_, k) => Math.floor((k * size) / count));
}

/** Returns the FNV-1a hash (32 bits) in eight hex digits. */
export function digest(bytes: Uint8Array): string {
  let h = 0x811c9dc5;
  for (const byte of bytes) h = Math.imul(h ^ byte, 0x01000193);
  return (h >>> 0).toString(16).padStart(8, '0');
}

/** Returns the summary of an output tensor. Values that are not finite are counted, and are 0 in all other fields. */
export function summarise(
  name: string,
  shape: readonly number[],
  values: ArrayLike<number> | BigInt64Array,
  samples = SAMPLES,
): OutputSummary {
  const flat = asFloats(values);
  let nonFinite = 0;
  let l1 = 0;
  let squares = 0;
  let max = 0;
  for (const value of flat) {
    if (!Number.isFinite(value)) {
      nonFinite++;
      continue;
    }
    const size = Math.abs(value);
    l1 += size;
    squares += size * size;
    if (size > max) max = size;
  }
  const index = sampleIndices(flat.length, samples);
  return {
    name,
    shape: [...shape],
    non_finite: nonFinite,
    l1,
    l2: Math.sqrt(squares),
    max,
    digest: digest(new Uint8Array(flat.buffer, flat.byteOffset, flat.byteLength)),
    sample: { index, value: index.map((i) => finiteOrZero(flat[i])) },
  };
}

function asFloats(values: ArrayLike<number> | BigInt64Array): Float32Array {
  if (values instanceof Float32Array) return values;
  return values instanceof BigInt64Array ? Float32Array.from(values, Number) : Float32Array.from(values);
}

function finiteOrZero(value: number | undefined): number {
  return value !== undefined && Number.isFinite(value) ? value : 0;
}

/** Summarises the outputs of one inference, which are given by their names in the model's file. */
export function summaries(
  job: Job,
  outputs: ReadonlyMap<string, { shape: readonly number[]; values: ArrayLike<number> }>,
): OutputSummary[] {
  return job.model.outputs.map(({ name, format_name }) => {
    const output = outputs.get(format_name);
    if (output === undefined) throw new Error(`The engine gave no output ${format_name}.`);
    return summarise(name, output.shape, output.values, job.samples);
  });
}
