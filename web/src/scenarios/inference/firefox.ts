// What differs in the worlds that Firefox gives to scripts (its sandboxes): there `self` is the page's window, not the
// global object of the world, and engines find out wrongly that they cannot share memory with their workers.
import { replaceFunctions } from '../../core/replace';

export function adaptToWorld(): void {
  if ((self as unknown) === globalThis) return;
  Object.defineProperty(globalThis, 'self', { value: globalThis, configurable: true });
  if (crossOriginIsolated) answerSharingTest();
}

/**
 * Engines try to post shared memory to themselves. Such a world's ports refuse it, although its workers take it. So the
 * memory of such a test is dropped; whether the threads then start is read from the engine.
 */
function answerSharingTest(): void {
  // eslint-disable-next-line @typescript-eslint/unbound-method
  const { postMessage } = MessagePort.prototype;
  replaceFunctions(MessagePort.prototype, {
    postMessage(this: MessagePort, message: unknown, options: Transferable[] | StructuredSerializeOptions = []) {
      if (message instanceof SharedArrayBuffer) return;
      postMessage.call(this, message, Array.isArray(options) ? { transfer: options } : options);
    },
  });
}
