// Memory that the browser refuses while the page lives on. Frameworks may swallow it, and then fail in words of their own,
// read beyond their heap, or wait for ever.
import { saysOutOfMemory } from './fault';

const PAGE = 65_536;
const MIB = 1_048_576;
const OUT_OF_BOUNDS = /(memory access|index) out of bounds/;

/** Notes from now on when a WebAssembly heap may not grow, or when nobody catches that memory was refused. */
export class RefusalWatch {
  /** In the browser's words: the heap that had to grow has not grown since. */
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

  /** What `work` gives, or a refusal that nobody else has caught. */
  guard<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.failure]);
  }

  /**
   * A framework that knows how large its heap may be does not ask the browser for more, and may then read beyond it:
   * after such an error it is asked in its place whether the heap could be twice as large.
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
