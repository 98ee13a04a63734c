// Stops the page between two stages, so that the program that drives it can examine its process.

/** Prefix of the text that the driver gets instead of the answer when the page stops. */
export const MOMENT = 'moment: ';

/** Runs work that stops at certain moments, and goes on when `next` is called. */
export class Steps {
  private arrived: (text: string) => void = () => undefined;
  private goOn: () => void = () => undefined;
  private answer: string | undefined;

  /**
   * Starts the work, and returns its first moment, or its answer when it has no moment. `work` has to await every
   * moment.
   */
  begin(work: (moment: (name: string) => Promise<void>) => Promise<string>): Promise<string> {
    this.answer = undefined;
    return this.untilArrival(() => {
      void work((name) => this.moment(name)).then((answer) => {
        this.answer = answer;
        this.arrived(answer);
      });
    });
  }

  /** Goes on, and returns the next moment or the answer, which may have come while the work was stopped. */
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
