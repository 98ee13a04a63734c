// Whoever drives the page may look at its process from outside between two stages: the page then waits to be told.

/** How the driver is told of a moment, in place of the answer. */
export const MOMENT = 'moment: ';

/** Work that stops at moments, and goes on when `next` is called. Nobody waits for anything while it runs. */
export class Steps {
  private arrived: (text: string) => void = () => undefined;
  private goOn: () => void = () => undefined;
  private answer: string | undefined;

  /** Starts the work: its first moment, or its answer where it has none. `work` is to await every moment. */
  begin(work: (moment: (name: string) => Promise<void>) => Promise<string>): Promise<string> {
    this.answer = undefined;
    return this.untilArrival(() => {
      void work((name) => this.moment(name)).then((answer) => {
        this.answer = answer;
        this.arrived(answer);
      });
    });
  }

  /** Goes on from a moment: the next one, or the answer, which may have come while the work stopped. */
  next(): Promise<string> {
    return this.answer === undefined ? this.untilArrival(this.goOn) : Promise.resolve(this.answer);
  }

  private moment(name: string): Promise<void> {
    return new Promise((resolve) => {
      this.goOn = resolve;
      this.arrived(`${MOMENT}${name}`);
    });
  }

  private untilArrival(act: () => void): Promise<string> {
    return new Promise((resolve) => {
      this.arrived = resolve;
      act();
    });
  }
}
