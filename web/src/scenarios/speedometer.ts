// Drives Speedometer in its own page: Python evaluates this script there, and calls `mobilebenchSpeedometer`
// (mobilebench/scenarios/speedometer.py). Nothing of Speedometer is in it.
import { tenths } from './frames';
import type { BenchmarkLook, BenchmarkPage, BenchmarkRun } from '../core/records.gen';

/** What Speedometer's own page tells its runner to call. */
export interface Client {
  start?: () => unknown;
  step?: () => unknown;
  didRunSuites?: (measured: { score: number }) => unknown;
  didFinishLastIteration?: (...metrics: unknown[]) => unknown;
  handleError?: (error: unknown) => unknown;
}

/** The globals of its page. 2.x has a function that starts it; in 3.x and 4 the client does. */
export interface Globals {
  benchmarkClient?: Client;
  startTest?: () => unknown;
}

export class Speedometer {
  private readonly client: Client | undefined;
  private readonly begin: (() => unknown) | undefined;
  private started = 0;
  private score: number | undefined;
  private run: BenchmarkRun | undefined;
  private failure: string | undefined;
  private wake: () => void = () => undefined;

  constructor(
    page: Globals,
    private readonly now: () => number = () => performance.now(),
  ) {
    const client = page.benchmarkClient;
    if (client === undefined || typeof client.didFinishLastIteration !== 'function') return;
    this.client = client;
    const { start } = client;
    this.begin = typeof start === 'function' ? () => start.call(client) : page.startTest;
    this.listen(client);
  }

  /** Which Speedometer this is. */
  kind(): string {
    const page: BenchmarkPage = {
      starts: this.begin === undefined ? 'not' : this.client?.start ? 'start' : 'startTest',
      steps: typeof this.client?.step === 'function',
      title: document.title.slice(0, 100),
      width: innerWidth,
      height: innerHeight,
    };
    return JSON.stringify(page);
  }

  /** Begins one more run. */
  start(): void {
    if (this.begin === undefined) throw new Error('This page is not Speedometer.');
    this.score = this.run = undefined;
    this.started = this.now();
    this.begin();
  }

  /** Waits for the end of the run, for so many milliseconds at most. */
  async look(ms: number): Promise<string> {
    if (this.run === undefined && this.failure === undefined) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    const state = this.failure === undefined ? (this.run ? 'done' : 'running') : 'failed';
    const look: BenchmarkLook = {
      state,
      ...(this.run && { run: this.run }),
      ...(this.failure !== undefined && { why: this.failure }),
    };
    return JSON.stringify(look);
  }

  /** Listens to the benchmark; what its page does at these calls, it still does. */
  private listen(client: Client): void {
    const { didRunSuites, didFinishLastIteration, handleError } = client;
    client.didRunSuites = (measured) => {
      this.score = measured.score;
      return didRunSuites?.call(client, measured);
    };
    client.didFinishLastIteration = (...metrics) => {
      const wall = this.now() - this.started;
      if (this.score === undefined || !Number.isFinite(this.score)) this.fail('it ended without a score');
      else this.run = { started_ms: tenths(this.started), wall_ms: tenths(wall), score: this.score };
      this.wake();
      return didFinishLastIteration?.call(client, ...metrics);
    };
    client.handleError = (error) => {
      this.fail(error instanceof Error ? error.message : String(error));
      return handleError?.call(client, error);
    };
    if (handleError === undefined) {
      addEventListener('error', (event) => {
        this.fail(event.message);
      });
    }
  }

  private fail(why: string): void {
    this.failure ??= why.slice(0, 400) || 'it gave no reason';
    this.wake();
  }
}
