// The share of time spent inferring: how long to idle after each inference.

/** Browsers round shorter timers up to this, so a shorter idle time is saved up until it is this long. */
export const SHORTEST_SLEEP_MS = 4;

/** Inferences that are shorter follow each other until this time has passed: each turn of other tasks takes time, too. */
const SHORTEST_STRETCH_MS = 4;

/** The most inferring that is caught up after a pause that was longer than asked for. */
const MOST_CREDIT_MS = 250;

/** The same for a hidden page, whose timers a browser may delay by a second each. */
const MOST_CREDIT_HIDDEN_MS = 2000;

/** Decides the idle times. Every time that is not spent in an inference counts as idle. */
export class DutyController {
  /** Idle time that is still owed; negative after a pause that was too long. */
  private owed = 0;

  /** `share` is above 0 and at most 1. */
  constructor(
    private readonly share: number,
    private readonly hidden: () => boolean = () => false,
  ) {}

  /** Called after an inference of `ms`; returns for how long to idle. With 0, the page only gets its turn. */
  inferred(ms: number): number {
    this.owed += (ms * (1 - this.share)) / this.share;
    return this.owed >= SHORTEST_SLEEP_MS ? this.owed : 0;
  }

  /** Called before an inference, with the time since the previous one ended. */
  idled(ms: number): void {
    const most = this.hidden() ? MOST_CREDIT_HIDDEN_MS : MOST_CREDIT_MS;
    this.owed = Math.max(this.owed - ms, -most);
  }
}

/** How a loop waits. */
export interface Waiting {
  clock(): number;
  /** Idles for this time, or until the loop is stopped. */
  sleep(ms: number): Promise<void>;
  /** Lets other tasks of this thread run. */
  turn(): Promise<void>;
  stopped(): boolean;
}

/** Infers at the asked share of time until stopped. `ended` gets the start and the duration of every inference. */
export async function inferAt(
  share: number,
  predict: () => Promise<void>,
  waiting: Waiting,
  ended: (start: number, ms: number) => void,
  hidden?: () => boolean,
): Promise<void> {
  const controller = new DutyController(share, hidden);
  let before: number | undefined;
  let stretch = 0;
  while (!waiting.stopped()) {
    const start = waiting.clock();
    if (before !== undefined) controller.idled(start - before);
    await predict();
    before = waiting.clock();
    ended(start, before - start);
    const idle = controller.inferred(before - start);
    if (idle === 0 && before - stretch < SHORTEST_STRETCH_MS) continue;
    await (idle > 0 ? waiting.sleep(idle) : waiting.turn());
    stretch = waiting.clock();
  }
}

/** Waits by the thread's own timers and messages. Messages, unlike timers, are not delayed in hidden pages. */
export class ThreadWaiting implements Waiting {
  private readonly channel = new MessageChannel();
  private wake: () => void = () => undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private over = false;

  constructor() {
    this.channel.port1.onmessage = () => {
      this.wake();
    };
  }

  clock(): number {
    return performance.now();
  }

  sleep(ms: number): Promise<void> {
    return this.woken(() => {
      this.timer = setTimeout(() => {
        this.wake();
      }, ms);
    });
  }

  turn(): Promise<void> {
    return this.woken(() => {
      this.channel.port2.postMessage(null);
    });
  }

  stopped(): boolean {
    return this.over;
  }

  /** Ends the loop: at once where it idles, else after the inference that is under way. */
  stop(): void {
    this.over = true;
    clearTimeout(this.timer);
    this.wake();
    this.channel.port1.close();
  }

  private woken(begin: () => void): Promise<void> {
    if (this.over) return Promise.resolve();
    return new Promise((resolve) => {
      this.wake = resolve;
      begin();
    });
  }
}
