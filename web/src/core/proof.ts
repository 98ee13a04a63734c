// The proof that a case ran as asked: read from the browser, never copied from the job.
import type { FileProof, Proof } from './types';

const SMALLEST_FRAMEWORK_BYTES = 10_000;

/** Notes every WebAssembly binary that any framework instantiates from now on. */
export class WasmWatch {
  private readonly binaries: Promise<ArrayBuffer>[] = [];

  constructor() {
    const { instantiate, instantiateStreaming, compile, compileStreaming } = WebAssembly;
    const note = (source: unknown) => {
      if (ArrayBuffer.isView(source)) {
        this.note(Promise.resolve(new Uint8Array(source.buffer, source.byteOffset, source.byteLength).slice().buffer));
      } else if (isBuffer(source)) this.note(Promise.resolve(source));
    };
    const noteResponse = async (source: Response | PromiseLike<Response>) => {
      const response = await source;
      this.note(response.clone().arrayBuffer());
      return response;
    };
    Object.assign(WebAssembly, {
      instantiate: (source: BufferSource, imports?: WebAssembly.Imports) => {
        note(source);
        return instantiate.call(WebAssembly, source, imports);
      },
      instantiateStreaming: async (source: Response | PromiseLike<Response>, imports?: WebAssembly.Imports) =>
        instantiateStreaming.call(WebAssembly, await noteResponse(source), imports),
      compile: (source: BufferSource) => {
        note(source);
        return compile.call(WebAssembly, source);
      },
      compileStreaming: async (source: Response | PromiseLike<Response>) =>
        compileStreaming.call(WebAssembly, await noteResponse(source)),
    });
  }

  /** Returns the binaries, without the tiny ones with which frameworks test for features. */
  async files(): Promise<FileProof[]> {
    const buffers = await Promise.all(this.binaries);
    const frameworks = buffers.filter((buffer) => buffer.byteLength >= SMALLEST_FRAMEWORK_BYTES);
    return Promise.all(
      frameworks.map(async (buffer) => ({ name: 'wasm', ...(await sha256(buffer)), bytes: buffer.byteLength })),
    );
  }

  private note(binary: Promise<ArrayBuffer>) {
    this.binaries.push(binary);
  }
}

/** In a world of its own, Firefox gives what the page's functions return another `ArrayBuffer`. */
function isBuffer(source: unknown): source is ArrayBuffer {
  return source instanceof ArrayBuffer || (typeof source === 'object' && source !== null && 'byteLength' in source);
}

/** A page that came by plain http over a network cannot hash. */
async function sha256(buffer: ArrayBuffer): Promise<Pick<FileProof, 'sha256'>> {
  const subtle = crypto.subtle as SubtleCrypto | undefined;
  if (subtle === undefined) return {};
  // Copied once more: to a script in a world of its own, Firefox does not show the bytes of what the page's functions return.
  const hashed = new Uint8Array(new Uint8Array(await subtle.digest('SHA-256', buffer)));
  return { sha256: Array.from(hashed, (byte) => byte.toString(16).padStart(2, '0')).join('') };
}

/**
 * Counts the workers that are started from now on, and notices when one fails, because its framework would wait
 * forever.
 */
export class WorkerWatch {
  started = 0;
  private fail: (error: Error) => void = () => undefined;
  private readonly failure = new Promise<never>((_, reject) => {
    this.fail = reject;
  });

  constructor() {
    const watch = (worker: Worker) => {
      this.started++;
      worker.addEventListener('error', (event) => {
        this.fail(new Error(`A worker of the framework failed: ${event.message || 'it could not be started'}`));
      });
    };
    globalThis.Worker = class extends Worker {
      constructor(url: string | URL, options?: WorkerOptions) {
        super(url, options);
        watch(this);
      }
    };
    this.failure.catch(() => undefined);
  }

  /** Returns the result of `work`, or fails when a worker fails first. */
  guard<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.failure]);
  }
}

/** Whether the page has been visible since this was created. */
export class VisibilityWatch {
  throughout = document.visibilityState === 'visible';

  constructor() {
    document.addEventListener('visibilitychange', () => {
      this.throughout &&= document.visibilityState === 'visible';
    });
  }
}

/** Whether the page has the focus, and has not lost it since this was created. */
export class FocusWatch {
  private lost = false;
  /** The page for a person measures in a frame, so the focus of the top window counts. */
  private readonly whole = top ?? window;

  constructor() {
    this.whole.addEventListener('blur', () => {
      this.lost = true;
    });
  }

  get throughout(): boolean {
    return this.whole.document.hasFocus() && !this.lost;
  }
}

/** Enough readings for a clock with steps of 100 ms to change. */
const MOST_READS = 20_000_000;

/**
 * Returns the smallest of several steps of the page's clock, in milliseconds; undefined where the clock does not move.
 */
export function clockResolution(steps = 32, mostReads = MOST_READS): number | undefined {
  let smallest = Infinity;
  for (let i = 0; i < steps; i++) {
    const start = performance.now();
    let end = start;
    for (let read = 0; end === start && read < mostReads; read++) end = performance.now();
    if (end === start) return undefined;
    if (end > start) smallest = Math.min(smallest, end - start);
  }
  return Number.isFinite(smallest) ? smallest : undefined;
}

/** Returns the number of cores that the browser reports; undefined where it reports none. */
export function coresReported(): number | undefined {
  const cores: unknown = navigator.hardwareConcurrency;
  return typeof cores === 'number' && Number.isInteger(cores) && cores >= 1 ? cores : undefined;
}

/** Returns the time of one reading of the clock, in milliseconds. */
export function clockCost(reads = 2000): number {
  const start = performance.now();
  for (let i = 0; i < reads; i++) performance.now();
  return (performance.now() - start) / reads;
}

/** Returns what the browser reports about itself and this page. */
export function browserProof(): Proof {
  const cores = coresReported();
  const resolution = clockResolution();
  return {
    user_agent: navigator.userAgent,
    cross_origin_isolated: crossOriginIsolated,
    runs_in: typeof document === 'undefined' ? 'worker' : 'main thread',
    ...(cores !== undefined && { hardware_concurrency: cores }),
    ...(resolution !== undefined && { clock_resolution_ms: resolution }),
    clock_cost_ms: clockCost(),
  };
}
