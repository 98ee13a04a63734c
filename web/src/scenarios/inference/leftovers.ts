// Everything that an engine creates and that outlives it in a page: workers, addresses of blobs, GPU contexts and
// devices, and handlers of the page's events. They are noted, so that all of it can be taken away. The functions that are replaced for it are those of the
// script's own world (or worker): the page keeps its own.

import { replaceFunctions } from '../../core/replace';

interface Handler {
  target: EventTarget;
  kind: string;
  handler: EventListenerOrEventListenerObject | null;
  options: AddEventListenerOptions | boolean | undefined;
}

type Canvas = HTMLCanvasElement | OffscreenCanvas;

export class Leftovers {
  private readonly workers = new Set<Worker>();
  private readonly urls = new Set<string>();
  private readonly contexts = new Set<WebGLRenderingContext | WebGL2RenderingContext>();
  private readonly devices = new Set<GPUDevice>();
  private readonly handlers: Handler[] = [];

  constructor() {
    const { workers, urls } = this;
    const create = URL.createObjectURL.bind(URL);
    URL.createObjectURL = (of) => {
      const url = create(of);
      urls.add(url);
      return url;
    };
    globalThis.Worker = class extends Worker {
      constructor(url: string | URL, options?: WorkerOptions) {
        super(url, options);
        workers.add(this);
      }
    };
    if (typeof HTMLCanvasElement !== 'undefined') this.watchCanvas(HTMLCanvasElement.prototype);
    if (typeof OffscreenCanvas !== 'undefined') this.watchCanvas(OffscreenCanvas.prototype);
    if (typeof GPUAdapter !== 'undefined') this.watchDevices();
    this.watchHandlers();
  }

  /** Takes everything away. Returns how much of each there was. */
  clear(): Record<string, number> {
    const counts = {
      workers: this.workers.size,
      blob_urls: this.urls.size,
      gpu_contexts: this.contexts.size + this.devices.size,
    };
    for (const worker of this.workers) worker.terminate();
    for (const url of this.urls) URL.revokeObjectURL(url);
    for (const context of this.contexts) context.getExtension('WEBGL_lose_context')?.loseContext();
    for (const device of this.devices) device.destroy();
    for (const { target, kind, handler, options } of this.handlers.splice(0)) {
      target.removeEventListener(kind, handler, options);
    }
    for (const all of [this.workers, this.urls, this.contexts, this.devices]) all.clear();
    return counts;
  }

  private watchCanvas(prototype: Canvas): void {
    type GetContext = (this: Canvas, kind: string, attributes?: unknown) => unknown;
    const { contexts } = this;
    // eslint-disable-next-line @typescript-eslint/unbound-method
    const original = prototype.getContext as GetContext;
    const watched: GetContext = function (kind, attributes) {
      const context = original.call(this, kind, attributes);
      if (kind.includes('webgl') && context !== null) contexts.add(context as WebGL2RenderingContext);
      return context;
    };
    replaceFunctions(prototype, { getContext: watched });
  }

  private watchHandlers(): void {
    const { handlers } = this;
    // In a world of its own, Firefox's global object is not the window.
    const home: EventTarget = typeof window === 'undefined' ? globalThis : window;
    // eslint-disable-next-line @typescript-eslint/unbound-method
    const { addEventListener } = EventTarget.prototype;
    replaceFunctions(EventTarget.prototype, {
      addEventListener(
        this: EventTarget | undefined,
        kind: string,
        handler: EventListenerOrEventListenerObject | null,
        options?: AddEventListenerOptions | boolean,
      ) {
        const target = this === undefined || this === globalThis ? home : this;
        if (target === home || target === globalThis.document) handlers.push({ target, kind, handler, options });
        addEventListener.call(target, kind, handler, options);
      },
    });
  }

  private watchDevices(): void {
    const { devices } = this;
    // eslint-disable-next-line @typescript-eslint/unbound-method
    const { requestDevice } = GPUAdapter.prototype;
    replaceFunctions(GPUAdapter.prototype, {
      async requestDevice(this: GPUAdapter, descriptor?: GPUDeviceDescriptor) {
        const device = await requestDevice.call(this, descriptor);
        devices.add(device);
        return device;
      },
    });
  }
}
