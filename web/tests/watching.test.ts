import { describe, expect, it } from 'vitest';
import { scaled } from '../src/scenarios/inference/clip';
import { watch, type Watching } from '../src/scenarios/inference/watching';

/** A page whose time only moves by what is done on it. */
class FakePage implements Watching {
  now = 100;
  readonly log: [number, number][] = [];
  private drawn: (() => void) | undefined;

  constructor(
    private readonly inferenceMs: number,
    /** Whether the page draws while the model infers, as with a worker. */
    private readonly drawsMeanwhile = false,
    private readonly failsAt = Infinity,
  ) {}

  clock = () => this.now;

  show(frame: number): void {
    this.log.push([frame, this.now - 100]);
  }

  answer(frame: number): Promise<boolean> {
    for (let passed = 0; passed < this.inferenceMs; passed++) {
      this.now++;
      if (this.drawsMeanwhile) this.drawn?.();
    }
    return Promise.resolve(frame < this.failsAt);
  }

  whenDrawn(callback: () => void): () => void {
    this.drawn = callback;
    return () => {
      this.drawn = undefined;
    };
  }

  get isWatched(): boolean {
    return this.drawn !== undefined;
  }

  sleep(ms: number): Promise<void> {
    this.now += Math.max(ms, 0.5);
    return Promise.resolve();
  }

  turn = () => Promise.resolve();
}

const times = Array.from({ length: 10 }, (_, n) => n * 40);

describe('watch', () => {
  it('answers to every frame where the model is fast', async () => {
    const found = await watch(times, new FakePage(10));
    expect(found.answered.map((one) => one.frame)).toEqual(times.map((_, n) => n));
    expect(found.shown_ms.every((at, n) => at !== null && at >= (times[n] ?? 0) && at < (times[n] ?? 0) + 1)).toBe(true);
    expect(found.failed).toBe(false);
  });

  it('takes the latest frame when the model is free, and never one that has gone', async () => {
    const page = new FakePage(100);
    const found = await watch(times, page);
    expect(found.answered.map((one) => one.frame)).toEqual([0, 2, 5, 7]);
    expect(found.shown_ms.filter((at) => at !== null)).toHaveLength(4);
    for (const one of found.answered) expect(one.answered_ms - one.started_ms).toBe(100);
    expect(page.isWatched).toBe(false);
  });

  it('shows the frames that come while a worker infers, and answers to the one on the screen', async () => {
    const page = new FakePage(100, true);
    const found = await watch(times, page);
    expect(found.answered.map((one) => one.frame)).toEqual([0, 2, 5, 7]);
    expect(page.log.map(([frame]) => frame)).toEqual(times.map((_, n) => n));
  });

  it('lets the last frame stay as long as the one before it', async () => {
    const page = new FakePage(1);
    await watch(times, page);
    expect(page.now - 100).toBeGreaterThanOrEqual(400);
    expect(page.now - 100).toBeLessThan(402);
  });

  it('ends when the model fails', async () => {
    const page = new FakePage(100, false, 5);
    const found = await watch(times, page);
    expect(found.failed).toBe(true);
    expect(found.answered.map((one) => one.frame)).toEqual([0, 2]);
    expect(page.isWatched).toBe(false);
  });
});

describe('scaled', () => {
  it('leaves out alpha, and ranges from -1 to 1', () => {
    expect([...scaled(new Uint8ClampedArray([0, 255, 51, 255, 255, 0, 102, 255]))]).toEqual(
      [-1, 1, -0.6, 1, -1, -0.2].map((value) => expect.closeTo(value, 6) as number),
    );
  });
});
