/** Calls back when the browser has nothing more urgent to do. */
export type Free = (then: () => void) => void;

interface Step {
  trigger: string;
  /** The event in whose handlers the page does its work. */
  last: string;
  start: number | undefined;
  resolve: (took: number) => void;
}

/**
 * Times one step after the other: from a real input (its `timeStamp`) until its handlers have run, and styles and layout
 * are computed. Drawing is not part of it, because browsers draw at the pace of the screen. Events that a script made are
 * ignored.
 */
export class StepClock {
  private step: Step | undefined;
  private ended: Promise<number> | undefined;

  constructor(
    where: EventTarget,
    private readonly free: Free,
    private readonly now: () => number = () => performance.now(),
    private readonly layout: () => unknown = () => document.body.getBoundingClientRect(),
  ) {
    for (const type of ['click', 'keydown', 'input']) {
      where.addEventListener(type, this.before, { capture: true });
      where.addEventListener(type, this.after);
    }
  }

  /** Waits for the next event of type `trigger`; the step lasts until an event of type `last` was handled. */
  arm(trigger: string, last: string): void {
    this.ended = new Promise((resolve) => {
      this.step = { trigger, last, start: undefined, resolve };
    });
  }

  /** Resolves when the page is free after the armed step, with the step's milliseconds; at once if there was none. */
  async done(): Promise<number | undefined> {
    const took = await this.ended;
    this.ended = undefined;
    return took;
  }

  private readonly before = (event: Event) => {
    const step = this.step;
    if (step === undefined || step.start !== undefined) return;
    if (event.isTrusted && event.type === step.trigger) step.start = event.timeStamp;
  };

  private readonly after = (event: Event) => {
    const step = this.step;
    if (step?.start === undefined || !event.isTrusted || event.type !== step.last) return;
    const { start, resolve } = step;
    this.step = undefined;
    this.layout();
    const took = Math.max(0, this.now() - start);
    this.free(() => {
      resolve(took);
    });
  };
}
