import { describe, expect, it } from 'vitest';
import { DutyController, inferAt, SHORTEST_SLEEP_MS, ThreadWaiting, type Waiting } from '../src/scenarios/inference/duty';

/** A thread whose time only moves by what is done on it. */
class FakeThread implements Waiting {
  now = 0;
  sleeps: number[] = [];
  turns = 0;

  constructor(
    private readonly until: number,
    /** How late a timer fires. */
    private readonly late = 0,
    /** How long a turn of other tasks takes. */
    private readonly turnMs = 0.05,
  ) {}

  clock = () => this.now;
  stopped = () => this.now >= this.until;

  sleep = (ms: number) => {
    this.sleeps.push(ms);
    this.now += ms + this.late;
    return Promise.resolve();
  };

  turn = () => {
    this.turns++;
    this.now += this.turnMs;
    return Promise.resolve();
  };
}

async function reached(thread: FakeThread, share: number, inferenceMs: (n: number) => number, hidden = false) {
  const starts: number[] = [];
  const durations: number[] = [];
  await inferAt(
    share,
    () => {
      thread.now += inferenceMs(durations.length);
      return Promise.resolve();
    },
    thread,
    (start, ms) => {
      starts.push(start);
      durations.push(ms);
    },
    () => hidden,
  );
  const busy = durations.slice(0, -1).reduce((sum, ms) => sum + ms, 0);
  return (busy / ((starts.at(-1) ?? 0) - (starts[0] ?? 0))) * 100;
}

describe('inferAt', () => {
  const shares = [10, 25, 50, 75, 90];

  it.each(shares)('reaches %d %% with inferences of 0.05, 0.4, 20 and 700 ms', async (percent) => {
    for (const ms of [0.05, 0.4, 20, 700]) {
      const thread = new FakeThread(60_000, 1.3);
      expect(Math.abs((await reached(thread, percent / 100, () => ms)) - percent)).toBeLessThan(2);
    }
  });

  it('reaches it where inferences differ in length', async () => {
    const thread = new FakeThread(60_000, 2);
    expect(Math.abs((await reached(thread, 0.5, (n) => (n % 7 === 0 ? 90 : 5))) - 50)).toBeLessThan(2);
  });

  it('saves idle times up that are too short for a timer', async () => {
    const thread = new FakeThread(2000);
    await reached(thread, 0.9, () => 1);
    expect(Math.min(...thread.sleeps)).toBeGreaterThanOrEqual(SHORTEST_SLEEP_MS);
    expect(thread.turns).toBeGreaterThan(thread.sleeps.length);
  });

  it('gives the page its turn every few milliseconds where inferences are short', async () => {
    const thread = new FakeThread(1000);
    expect(await reached(thread, 1, () => 0.1)).toBeGreaterThan(95);
    expect(thread.turns).toBeGreaterThan(200);
  });

  it('gives the page its turn between all inferences at 100 %', async () => {
    const thread = new FakeThread(1000);
    expect(await reached(thread, 1, () => 10)).toBeGreaterThan(99);
    expect(thread.sleeps).toEqual([]);
    expect(thread.turns).toBeGreaterThan(90);
  });

  it('reaches the duty in a hidden page whose timers fire a second late', async () => {
    const thread = new FakeThread(120_000, 1000);
    expect(Math.abs((await reached(thread, 0.5, () => 10, true)) - 50)).toBeLessThan(3);
  });

  it('catches up little in a visible page after a pause', () => {
    const controller = new DutyController(0.5);
    controller.inferred(10);
    controller.idled(60_000);
    let caughtUp = 0;
    while (controller.inferred(10) === 0) caughtUp += 10;
    expect(caughtUp).toBeLessThanOrEqual(250);
  });

  it('ends with an error of the engine', async () => {
    const failing = inferAt(0.5, () => Promise.reject(new Error('lost')), new FakeThread(100), () => undefined);
    await expect(failing).rejects.toThrow('lost');
  });
});

describe('ThreadWaiting', () => {
  it('wakes a sleep when it is stopped', async () => {
    const waiting = new ThreadWaiting();
    const sleeping = waiting.sleep(3_600_000);
    waiting.stop();
    await sleeping;
    expect(waiting.stopped()).toBe(true);
    await waiting.turn();
  });

  it('lets other tasks run in a turn', async () => {
    const waiting = new ThreadWaiting();
    await waiting.turn();
    await waiting.sleep(1);
    waiting.stop();
  });
});
