// Emscripten's threads: each is started by a message to a worker, with the function to run there.
import { replaceFunctions } from '../core/replace';

/** Counts the threads that any Emscripten program starts from now on. */
export class PthreadWatch {
  started = 0;
  private readonly waiting = new Set<() => void>();

  constructor() {
    const note = (message: unknown) => {
      if (typeof message !== 'object' || message === null || !('start_routine' in message)) return;
      this.started++;
      for (const look of this.waiting) look();
    };
    if (typeof Worker === 'undefined') return;
    globalThis.Worker = class extends Worker {
      constructor(url: string | URL, options?: WorkerOptions) {
        super(url, options);
        const post = this.postMessage.bind(this);
        // The worker's own: where this runs in a world of its own, Firefox's workers have no methods of this class.
        replaceFunctions(this, {
          postMessage(message: unknown, transfer: Transferable[] = []) {
            note(message);
            post(message, transfer);
          },
        });
      }
    };
  }

  /** Waits until this many threads have been started, at most `patience` milliseconds. */
  async reach(count: number, patience: number): Promise<void> {
    if (this.started >= count) return;
    await new Promise<void>((resolve) => {
      const look = () => {
        if (this.started >= count) resolve();
      };
      this.waiting.add(look);
      setTimeout(resolve, patience);
    });
    this.waiting.clear();
  }
}
