import { onINP } from 'web-vitals';

/** Without an idle moment within this time, the value is read as it is. */
const IDLE_MS = 1000;

/** Interaction to Next Paint of the page since it was loaded, by web-vitals. */
export class InpWatch {
  private latest: number | undefined;

  constructor() {
    onINP(
      (metric) => {
        this.latest = metric.value;
      },
      { reportAllChanges: true, durationThreshold: 16 },
    );
  }

  /** The value, after web-vitals has had an idle moment to handle the last interactions. */
  async finish(): Promise<number | { why: string }> {
    await idle(IDLE_MS);
    await idle(IDLE_MS);
    return this.latest ?? { why: 'the browser reported no interaction (a click, a tap or a key)' };
  }
}

function idle(timeout: number): Promise<void> {
  return new Promise((resolve) => {
    requestIdleCallback(
      () => {
        resolve();
      },
      { timeout },
    );
  });
}
