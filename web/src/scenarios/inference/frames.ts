// Counts the frames that a page produces, as the callbacks of `requestAnimationFrame`. It is a script of its own, so that
// frames can be counted in a page without any engine.

class Frames {
  private times: number[] = [];
  private request = 0;

  begin(): void {
    this.times = [];
    const next = () => {
      this.times.push(performance.now());
      this.request = requestAnimationFrame(next);
    };
    this.request = requestAnimationFrame(next);
  }

  /** Returns the time of every frame, in milliseconds since `performance.timeOrigin`. */
  end(): number[] {
    cancelAnimationFrame(this.request);
    return this.times.map((ms) => Math.round(ms * 1000) / 1000);
  }
}

Object.assign(globalThis, { mobilebenchFrames: new Frames() });
