// Memory that the browser refuses while the page survives. Frameworks may ignore that, and then fail with other
// messages, read beyond their heap, or wait forever.
import { saysOutOfMemory } from './fault';

const PAGE = 65_536;
const MIB = 1_048_576;
const OUT_OF_BOUNDS = /(memory access|index) out of bounds/;

/** Notes when a WebAssembly heap cannot grow, and when refused memory is an uncaught error. */
export class RefusalWatch {
  /** The browser's message when a heap could not grow, and has not grown since. */
  ofHeap: string | undefined;
  private grown: WebAssembly.Memory | undefined;
  private fail: (error: Error) => void = () => undefined;
  private readonly failure = new Promise<never>((_, reject) => {
    this.fail = reject;
  });

  constructor() {
    this.failure.catch(() => undefined);
    this.watchHeaps();
    addEventListener('unhandledrejection', (event) => {
      const reason: unknown = event.reason;
      if (saysOutOfMemory(reason)) this.fail(reason instanceof Error ? reason : new Error(String(reason)));
    });
  }

  /** Returns the result of `work`, or fails with a refusal that no other code has caught. */
  guard<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.failure]);
  }

  /**
   * Called after an error. A framework that knows the limit of its heap does not ask the browser for more, and may then
   * read beyond the heap. So this asks, in its place, whether the heap could be twice as large.
   */
  askAfter(error: Error): void {
    if (this.grown === undefined || !OUT_OF_BOUNDS.test(error.message)) return;
    const { byteLength } = this.grown.buffer;
    try {
      this.grown.grow(byteLength / PAGE);
    } catch {
      this.ofHeap = `from ${(byteLength / MIB).toFixed(0)} MiB to twice as much: ${this.ofHeap ?? ''}`;
    }
  }

  private watchHeaps(): void {
    // eslint-disable-next-line @typescript-eslint/no-this-alias
    const watch = this;
    // eslint-disable-next-line @typescript-eslint/unbound-method
    const { grow } = WebAssembly.Memory.prototype;
    Object.assign(WebAssembly.Memory.prototype, {
      grow(this: WebAssembly.Memory, pages: number) {
        try {
          const before = grow.call(this, pages);
          watch.ofHeap = undefined;
          watch.grown = this;
          return before;
        } catch (error) {
          watch.ofHeap = error instanceof Error ? error.message : String(error);
          throw error;
        }
      },
    });
  }
}
