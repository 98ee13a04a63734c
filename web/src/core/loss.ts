// What a browser takes away from a page that computes on the GPU: a WebGL context, a WebGPU device, memory for a buffer.

type Canvas = HTMLCanvasElement | OffscreenCanvas;

/** Notes what is lost of the contexts and devices that it is told of. A framework may make others in their place. */
export class GpuLoss {
  /** What the browser took away, and why as far as it says; undefined as long as it took nothing. */
  reason: string | undefined;
  /** In the browser's words, where it refused memory without anybody having caught it. */
  refusal: string | undefined;
  private over = false;
  private tell: () => void = () => undefined;
  private readonly told = new Promise<void>((resolve) => {
    this.tell = resolve;
  });

  /** A context of this canvas is used from now on. */
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

  /** From now on the page gives contexts back by itself. */
  end(): void {
    this.over = true;
  }

  /** What `work` gives, or an error as soon as something is lost: engines may wait for ever for what never comes. */
  guard<T>(work: Promise<T>): Promise<T> {
    const lost = this.told.then(() => {
      throw new Error(`The GPU's work is lost: ${this.reason ?? ''}.`);
    });
    return Promise.race([work, lost]);
  }

  /** Gives the browser time to say that something is lost: it may say so after whatever failed for it. */
  async settled(milliseconds: number): Promise<void> {
    await Promise.race([this.told, new Promise((resolve) => setTimeout(resolve, milliseconds))]);
  }

  private note(what: string, message: string): void {
    if (this.over) return;
    this.reason ??= `the browser took the ${what} away${message ? `: ${message.replace(/\.$/, '')}` : ''}`;
    this.tell();
  }
}
