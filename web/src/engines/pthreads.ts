// Emscripten's threads: each is started by a message to a worker that names the function to run there.

/** Counts the threads that are started from now on, by whatever Emscripten program. */
export class PthreadWatch {
  started = 0;

  constructor() {
    const note = (message: unknown) => {
      if (typeof message === 'object' && message !== null && 'start_routine' in message) this.started++;
    };
    globalThis.Worker = class extends Worker {
      override postMessage(message: unknown, options?: Transferable[] | StructuredSerializeOptions) {
        note(message);
        super.postMessage(message, options as Transferable[]);
      }
    };
  }
}
