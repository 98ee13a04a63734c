// Timing: one clock, the parts of setup one after another, predictions until the rule is met.
import type { BlockRule, SetupPart } from './types';

export type Clock = () => number;

export const now: Clock = () => performance.now();

/** Times the parts of setup. */
export class Setup {
  readonly ms: Partial<Record<SetupPart, number>> = {};
  /** When the last part ended. */
  end = 0;
  private readonly clock: Clock;

  constructor(clock: Clock = now) {
    this.clock = clock;
  }

  async part<T>(name: SetupPart, work: () => Promise<T>): Promise<T> {
    const start = this.clock();
    const result = await work();
    this.end = this.clock();
    this.ms[name] = this.end - start;
    return result;
  }
}

export interface Timed<T> {
  ms: number;
  end: number;
  value: T;
}

export async function timed<T>(work: () => T | Promise<T>, clock: Clock = now): Promise<Timed<T>> {
  const start = clock();
  const value = await work();
  const end = clock();
  return { ms: end - start, end, value };
}

/** Times how long each prediction read back its outputs: from the return of the engine's call to the end. */
export class Readback {
  readonly ms: number[] = [];
  private since: number | undefined;

  constructor(private readonly clock: Clock = now) {}

  readonly returned = (): void => {
    this.since = this.clock();
  };

  /** Called when a prediction has ended at `end`, on the same clock. */
  readonly ended = (end: number): void => {
    if (this.since !== undefined) this.ms.push(end - this.since);
    this.since = undefined;
  };
}

/** Predicts until `max_predictions`, or until `max_seconds` have passed and `min_predictions` are made. */
export async function predictUntil<T>(
  rule: Pick<BlockRule, 'min_predictions' | 'max_predictions' | 'max_seconds'>,
  predict: () => T | Promise<T>,
  clock: Clock = now,
  ended: (end: number) => void = () => undefined,
  time: typeof timed<T> = timed,
): Promise<{ ms: number[]; last: T }> {
  const ms: number[] = [];
  const begin = clock();
  for (;;) {
    const prediction = await time(predict, clock);
    ms.push(prediction.ms);
    ended(prediction.end);
    const late = clock() - begin >= rule.max_seconds * 1000;
    if (ms.length >= rule.max_predictions || (late && ms.length >= rule.min_predictions)) {
      return { ms, last: prediction.value };
    }
  }
}
