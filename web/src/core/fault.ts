// What a failure is called that a page lives through, and the sentence that tells it.
import type { PageFault } from './types';

/** TensorFlow Lite fails to allocate tensors for whatever reason a model cannot be prepared. */
const OUT_OF_MEMORY =
  /out[ _-]of[ _-]memory|\bOOM\b|bad[_ ]alloc|allocation (failed|size overflow)|(could not|cannot|can't|failed to|unable to) (allocate(?! tensors)|enlarge memory|grow memory)|maximum memory size exceeded/i;

/** What was seen of the browser while the page worked. */
export interface Seen {
  /** What the browser took away, of what the backend computes with. */
  lost?: string | undefined;
  /** Why a WebAssembly heap might not grow, last. */
  refused?: string | undefined;
}

export interface Told {
  reason: string;
  fault?: PageFault;
}

/** Whether an error says that memory was refused. */
export function saysOutOfMemory(error: unknown): boolean {
  return OUT_OF_MEMORY.test(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
}

/** Engines may fail in words of their own for what the browser did: it is named by that, and both are told. */
export function toldOf({ name, message }: Error, { lost, refused }: Seen): Told {
  if (lost !== undefined) return { reason: message.includes(lost) ? message : `${message} (${lost})`, fault: 'lost context' };
  if (saysOutOfMemory(`${name}: ${message}`)) return { reason: message, fault: 'out of memory' };
  if (refused === undefined) return { reason: message };
  return { reason: `${message} (the WebAssembly heap could not grow: ${refused})`, fault: 'out of memory' };
}
