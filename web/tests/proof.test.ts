import { afterEach, describe, expect, it, vi } from 'vitest';

import { clockResolution, coresReported } from '../src/core/proof';

afterEach(() => {
  vi.unstubAllGlobals();
});

/** A clock that answers these readings, the last one again and again. */
function clock(...readings: number[]): void {
  let next = 0;
  vi.stubGlobal('performance', { now: () => readings[Math.min(next++, readings.length - 1)] });
}

describe('clockResolution', () => {
  it('is the smallest step of those seen', () => {
    clock(0, 0, 5, 5, 7);
    expect(clockResolution(2, 10)).toBe(2);
  });

  it('is not known of a clock that stands', () => {
    clock(3);
    expect(clockResolution(2, 10)).toBeUndefined();
  });

  it('is never negative', () => {
    clock(9, 4);
    expect(clockResolution(1, 10)).toBeUndefined();
  });
});

describe('coresReported', () => {
  it.each([
    [8, 8],
    [1, 1],
    [0, undefined],
    [-1, undefined],
    [2.5, undefined],
    [NaN, undefined],
    [undefined, undefined],
    ['8', undefined],
  ])('of %s', (hardwareConcurrency, cores) => {
    vi.stubGlobal('navigator', { hardwareConcurrency });
    expect(coresReported()).toBe(cores);
  });
});
