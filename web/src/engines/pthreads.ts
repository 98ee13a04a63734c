// Emscripten's threads: each is started by a message to a worker that names the function to run there.

/** Counts the threads that are started from now on, by whatever Emscripten program. */
export class PthreadWatch {
  started = 0;
  private readonly waiting = new Set<() => void>();

  constructor() {
    const note = (message: unknown) => {
      if (typeof message !== 'object' || message === null || !('start_routine' in message)) return;
      this.started++;
      for (const look of this.waiting) look();
    };
    globalThis.Worker = class extends Worker {
      override postMessage(message: unknown, options?: Transferable[] | StructuredSerializeOptions) {
        note(message);
        super.postMessage(message, options as Transferable[]);
      }
    };
  }

  /** Waits until so many threads have been started, but no longer than `patience` milliseconds. */
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
