import { describe, expect, it } from 'vitest';
import { predictUntil, Readback, Setup, timed } from '../src/core/stages';

/** A clock that only work moves forward. */
function fakeClock() {
  let time = 0;
  return { now: () => time, pass: (ms: number) => (time += ms) };
}

describe('predictUntil', () => {
  it('stops after max_predictions', async () => {
    const clock = fakeClock();
    const rule = { min_predictions: 3, max_predictions: 5, max_seconds: 100 };
    const { ms, last } = await predictUntil(rule, () => clock.pass(7), clock.now);
    expect(ms).toEqual([7, 7, 7, 7, 7]);
    expect(last).toBe(35);
  });

  it('stops with the prediction that reaches max_seconds', async () => {
    const clock = fakeClock();
    const rule = { min_predictions: 1, max_predictions: 1000, max_seconds: 1 };
    const { ms } = await predictUntil(rule, () => clock.pass(400), clock.now);
    expect(ms).toEqual([400, 400, 400]);
  });

  it('makes min_predictions even when they take longer than max_seconds', async () => {
    const clock = fakeClock();
    const rule = { min_predictions: 3, max_predictions: 20, max_seconds: 1 };
    const { ms } = await predictUntil(rule, () => clock.pass(2500), clock.now);
    expect(ms).toHaveLength(3);
  });

  it('waits for predictions that are promises', async () => {
    const clock = fakeClock();
    const rule = { min_predictions: 1, max_predictions: 2, max_seconds: 1 };
    const later = async () => {
      await Promise.resolve();
      return clock.pass(3);
    };
    expect((await predictUntil(rule, later, clock.now)).ms).toEqual([3, 3]);
  });

  it('lets an error through', async () => {
    const rule = { min_predictions: 1, max_predictions: 2, max_seconds: 1 };
    const broken = () => {
      throw new Error('no kernel');
    };
    await expect(predictUntil(rule, broken)).rejects.toThrow('no kernel');
  });
});

describe('Setup', () => {
  it('keeps the time of each part and passes its result on', async () => {
    const clock = fakeClock();
    const setup = new Setup(clock.now);
    const result = await setup.part('framework_init', () => Promise.resolve(clock.pass(12)));
    await setup.part('model_init', () => Promise.resolve(clock.pass(30)));
    expect(result).toBe(12);
    expect(setup.ms).toEqual({ framework_init: 12, model_init: 30 });
  });
});

describe('timed', () => {
  it('gives the time and the value', async () => {
    const clock = fakeClock();
    expect(await timed(() => clock.pass(4), clock.now)).toEqual({ ms: 4, end: 4, value: 4 });
  });
});

describe('Readback', () => {
  it('is the end of a prediction, where the engine tells when its own call had returned', async () => {
    const clock = fakeClock();
    const readback = new Readback(clock.now);
    const predict = () => {
      clock.pass(5);
      readback.returned();
      return clock.pass(2);
    };
    const rule = { min_predictions: 1, max_predictions: 3, max_seconds: 100 };
    const { ms } = await predictUntil(rule, predict, clock.now, readback.ended);
    expect(ms).toEqual([7, 7, 7]);
    expect(readback.ms).toEqual([2, 2, 2]);
  });

  it('is empty where the engine does not tell', async () => {
    const clock = fakeClock();
    const readback = new Readback(clock.now);
    const rule = { min_predictions: 1, max_predictions: 2, max_seconds: 100 };
    await predictUntil(rule, () => clock.pass(5), clock.now, readback.ended);
    expect(readback.ms).toEqual([]);
  });
});
