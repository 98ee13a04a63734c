/** Records the time of every animation frame, in milliseconds since `began`. */
export class FrameWatch {
  readonly times: number[] = [];
  private request = 0;

  constructor(private readonly began: number) {
    this.next();
  }

  stop(): void {
    cancelAnimationFrame(this.request);
  }

  private next(): void {
    this.request = requestAnimationFrame((at) => {
      // The first frame may have begun before the measurement.
      if (at >= this.began) this.times.push(tenths(at - this.began));
      this.next();
    });
  }
}

/** Milliseconds, with a tenth as the smallest part: a long measurement has many of them. */
export function tenths(ms: number): number {
  return Math.max(0, Math.round(ms * 10) / 10);
}
