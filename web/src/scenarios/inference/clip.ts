// Shows the frames of a clip on a canvas of the page, and lets a model answer to what is on the canvas.
import type { WatchAnswer, WatchJob } from '../../core/types';
import { ThreadWaiting } from './duty';
import { watch } from './watching';

/** Answers to one input of the model: all outputs, one after the other; undefined if the model failed. */
export type Infer = (values: Float32Array<ArrayBuffer>) => Promise<Float32Array | undefined>;

const CHANNELS = 4;
const PART = 0x8000;

/** `pixels` has red, green, blue and alpha of each pixel of each frame. */
export async function watchClip(job: WatchJob, pixels: ArrayBuffer, infer: Infer): Promise<WatchAnswer> {
  const canvas = document.querySelector('canvas');
  const context = canvas?.getContext('2d', { willReadFrequently: true });
  if (canvas === null || context === null || context === undefined) throw new Error('The page has no canvas.');
  const { width, height } = job;
  const size = width * height * CHANNELS;
  if (pixels.byteLength !== size * job.times_ms.length) throw new Error('The clip has not the stated size.');
  Object.assign(canvas, { width, height });
  const frames = job.times_ms.map((_, n) => new ImageData(new Uint8ClampedArray(pixels, n * size, size), width, height));
  const outputs: Float32Array[] = [];
  let unlike = 0;
  const waiting = new ThreadWaiting();
  const course = await watch(job.times_ms, {
    clock: () => performance.now(),
    show: (frame) => {
      const image = frames[frame];
      if (image !== undefined) context.putImageData(image, 0, 0);
    },
    answer: async (frame) => {
      const seen = context.getImageData(0, 0, width, height).data;
      const output = await infer(scaled(seen));
      if (output === undefined) return false;
      outputs.push(output);
      if (!same(seen, frames[frame]?.data)) unlike++;
      return true;
    },
    whenDrawn,
    sleep: (ms) => waiting.sleep(ms),
    turn: () => waiting.turn(),
  });
  waiting.stop();
  return { ...course, unlike, outputs: base64(outputs) };
}

function whenDrawn(callback: () => void): () => void {
  let request = 0;
  const next = () => {
    callback();
    request = requestAnimationFrame(next);
  };
  request = requestAnimationFrame(next);
  return () => {
    cancelAnimationFrame(request);
  };
}

/** Red, green and blue from -1 to 1, without alpha. */
export function scaled(pixels: Uint8ClampedArray): Float32Array<ArrayBuffer> {
  const values = new Float32Array((pixels.length / CHANNELS) * (CHANNELS - 1));
  for (let from = 0, to = 0; from < pixels.length; from += CHANNELS) {
    for (let channel = 0; channel < CHANNELS - 1; channel++) {
      values[to++] = Math.fround((pixels[from + channel] ?? 0) / 127.5) - 1;
    }
  }
  return values;
}

function same(one: Uint8ClampedArray, other: Uint8ClampedArray | undefined): boolean {
  return other?.length === one.length && one.every((value, n) => value === other[n]);
}

function base64(outputs: readonly Float32Array[]): string {
  const bytes = outputs.map((one) => new Uint8Array(one.buffer, one.byteOffset, one.byteLength));
  const binary = bytes.map((one) => {
    const parts = [];
    for (let at = 0; at < one.length; at += PART) parts.push(String.fromCharCode(...one.subarray(at, at + PART)));
    return parts.join('');
  });
  return btoa(binary.join(''));
}
