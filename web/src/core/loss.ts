// GPU resources that a browser takes away from a page: a WebGL context, a WebGPU device, memory for a buffer.

type Canvas = HTMLCanvasElement | OffscreenCanvas;

/** Notes the loss of contexts and devices. A framework may create others instead. */
export class GpuLoss {
  /** What the browser took away, with its reason where it gives one; undefined when nothing was lost. */
  reason: string | undefined;
  /** The browser's message where it refused GPU memory and no error scope caught that. */
  refusal: string | undefined;
  private over = false;
  private tell: () => void = () => undefined;
  private readonly reported = new Promise<void>((resolve) => {
    this.tell = resolve;
  });

  /** Watches the context of this canvas from now on. */
  ofCanvas(canvas: Canvas): void {
    canvas.addEventListener('webglcontextlost', (event: Event) => {
      this.note('WebGL context', (event as Partial<WebGLContextEvent>).statusMessage ?? '');
    });
  }

  ofDevice(device: GPUDevice): void {
    void device.lost.then(({ reason, message }) => {
      if (reason !== 'destroyed') this.note('WebGPU device', message);
    });
    device.addEventListener('uncapturederror', ({ error }) => {
      if (error instanceof GPUOutOfMemoryError) this.refusal ??= error.message;
    });
  }

  /** Ends the watch: from now on the page releases contexts itself. */
  end(): void {
    this.over = true;
  }

  /** Returns the result of `work`, or fails as soon as something is lost, because engines may wait forever then. */
  guard<T>(work: Promise<T>): Promise<T> {
    const lost = this.reported.then(() => {
      throw new Error(`The GPU's work is lost: ${this.reason ?? ''}.`);
    });
    return Promise.race([work, lost]);
  }

  /** Gives the browser time to report a loss, which it may do after the failure that the loss caused. */
  async settled(milliseconds: number): Promise<void> {
    await Promise.race([this.reported, new Promise((resolve) => setTimeout(resolve, milliseconds))]);
  }

  private note(what: string, message: string): void {
    if (this.over) return;
    this.reason ??= `the browser took the ${what} away${message ? `: ${message.replace(/\.$/, '')}` : ''}`;
    this.tell();
  }
}
