import type { App, Step } from './app';
import { StepClock, type Free } from './step-clock';
import type { Action, PageRun } from '../../core/records.gen';

/** Runs that are kept at most. */
const MOST_RUNS = 50_000;

/** Tells the user what to do, again and again, and times each step. */
export class Script {
  private readonly clock: StepClock;
  private readonly done: PageRun[] = [];
  private run: PageRun | undefined;
  private app = 0;
  private steps: Step[] = [];
  private position = 0;

  /**
   * @param settled waits until the page has drawn, before the next place to click is computed
   * @param free calls back when the page is free after a step
   */
  constructor(
    private readonly apps: App[],
    private readonly settled: () => Promise<void>,
    free: Free,
  ) {
    this.clock = new StepClock(window, free);
  }

  /** Waits until the last step is done, and returns the next action. Asking it begins the run's next step. */
  async next(): Promise<Action> {
    const took = await this.clock.done();
    if (took !== undefined) this.run?.steps_ms.push(took);
    const step = this.steps[this.position] ?? this.nextApp();
    this.position++;
    const begins = this.run?.steps_ms.length === 0;
    const place = await this.placeOf(step);
    if (begins && this.run) this.run.started_ms = performance.now();
    if ('click' in step) {
      this.clock.arm('click', 'click');
      return { do: 'click', ...place, key: '', begins_run: begins };
    }
    this.clock.arm('keydown', step.at);
    return { do: 'key', ...place, key: step.key, begins_run: begins };
  }

  /** The whole runs so far. */
  runs(): PageRun[] {
    return this.done;
  }

  /** Begins the next part of the page, or the next run with the first part; returns its first step. */
  private nextApp(): Step {
    if (this.run === undefined || this.app === this.apps.length - 1) {
      if (this.run && this.done.length < MOST_RUNS) this.done.push(this.run);
      this.run = { started_ms: 0, steps_ms: [] };
      this.app = 0;
    } else {
      this.app++;
    }
    for (const [i, app] of this.apps.entries()) app.root.hidden = i !== this.app;
    const app = this.apps[this.app];
    if (app === undefined) throw new Error('The page has no parts.');
    app.reset();
    this.steps = app.script();
    this.position = 0;
    const first = this.steps[0];
    if (first === undefined) throw new Error(`${app.name} has no steps.`);
    return first;
  }

  private async placeOf(step: Step): Promise<{ x: number; y: number }> {
    if (!('click' in step)) return { x: 0, y: 0 };
    const target = step.click();
    const box = target.getBoundingClientRect();
    const outside = box.top < 0 || box.left < 0 || box.bottom > innerHeight || box.right > innerWidth;
    const seen = outside ? undefined : hitPlace(target);
    if (seen) return seen;
    target.scrollIntoView({ block: 'center', inline: 'nearest', behavior: 'instant' });
    await this.settled();
    const place = hitPlace(target);
    if (place) return place;
    throw new Error(`The next place to click (${target.localName}) is covered or outside of the window.`);
  }
}

/** A place inside of the element and of the window; undefined if something else lies over it there. */
function hitPlace(target: Element): { x: number; y: number } | undefined {
  const box = target.getBoundingClientRect();
  const left = Math.max(box.left, 0);
  const x = left + Math.min(box.right - left, innerWidth - left, 60) / 2;
  const y = (Math.max(box.top, 0) + Math.min(box.bottom, innerHeight)) / 2;
  const hit = document.elementFromPoint(x, y);
  return hit !== null && (target === hit || target.contains(hit)) ? { x, y } : undefined;
}
