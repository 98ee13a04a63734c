import { describe, expect, it } from 'vitest';
import { numbers } from '../src/scenarios/interaction/app';
import { smoothed } from '../src/scenarios/interaction/chart';
import { StepClock } from '../src/scenarios/interaction/step-clock';

interface Made {
  type: string;
  isTrusted: boolean;
  timeStamp: number;
}

/** A window to which events can be given that nobody else could make: trusted ones. */
function clock(now: () => number) {
  const heard: Record<string, ((event: Made) => void)[]> = {};
  const where = {
    addEventListener: (type: string, listener: (event: Made) => void) => {
      (heard[type] ??= []).push(listener);
    },
  };
  const free: (() => void)[] = [];
  let layouts = 0;
  const made = new StepClock(
    where as unknown as EventTarget,
    (then) => free.push(then),
    now,
    () => layouts++,
  );
  const happen = (type: string, timeStamp: number, isTrusted = true) => {
    heard[type]?.forEach((listener) => {
      listener({ type, timeStamp, isTrusted });
    });
  };
  return { made, happen, free, layouts: () => layouts };
}

describe('StepClock', () => {
  it('lasts from the input until the layout is computed', async () => {
    let now = 112;
    const { made, happen, free, layouts } = clock(() => now);
    made.arm('click', 'click');
    happen('click', 100);
    expect(layouts()).toBe(1);
    now = 130;
    free.shift()?.();
    await expect(made.done()).resolves.toBe(12);
  });

  it('is not done before the page is free', async () => {
    const { made, happen, free } = clock(() => 5);
    made.arm('click', 'click');
    happen('click', 1);
    const first = Promise.race([made.done(), Promise.resolve('not yet')]);
    await expect(first).resolves.toBe('not yet');
    expect(free).toHaveLength(1);
  });

  it('counts from the key until the text has changed', async () => {
    let now = 12;
    const { made, happen, free } = clock(() => now);
    made.arm('keydown', 'input');
    happen('input', 5);
    happen('keydown', 10);
    expect(free).toHaveLength(0);
    now = 20;
    happen('input', 14);
    free.shift()?.();
    await expect(made.done()).resolves.toBe(10);
  });

  it('ignores events that a script made, and those of other kinds', () => {
    const { made, happen, free } = clock(() => 0);
    made.arm('click', 'click');
    happen('click', 1, false);
    happen('keydown', 2);
    expect(free).toHaveLength(0);
  });

  it('is done at once when nothing was armed', async () => {
    const { made, happen } = clock(() => 0);
    happen('click', 1);
    await expect(made.done()).resolves.toBeUndefined();
  });

  it('is never negative', async () => {
    const { made, happen, free } = clock(() => 1);
    made.arm('click', 'click');
    happen('click', 9);
    free.shift()?.();
    await expect(made.done()).resolves.toBe(0);
  });
});

describe('the data of the parts', () => {
  it('is the same each time, and lies between 0 and 1', () => {
    const [one, other] = [numbers(5), numbers(5)];
    const values = Array.from({ length: 1000 }, one);
    expect(Array.from({ length: 1000 }, other)).toEqual(values);
    expect(Math.min(...values)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...values)).toBeLessThan(1);
    expect(new Set(values).size).toBeGreaterThan(990);
  });

  it('is smoothed by a moving average', () => {
    expect(smoothed([2, 4, 6, 8], 1)).toEqual([2, 4, 6, 8]);
    expect(smoothed([2, 4, 6, 8], 2)).toEqual([2, 3, 5, 7]);
  });
});
