// The name and the reason of a failure that the page survives.
import type { PageFault } from './types';

/**
 * Messages about a lack of memory. “Failed to allocate tensors” is excluded, because TensorFlow Lite says it for any
 * model that it cannot prepare.
 */
const OUT_OF_MEMORY =
  /out[ _-]of[ _-]memory|\bOOM\b|bad[_ ]alloc|allocation (failed|size overflow)|(could not|cannot|can't|failed to|unable to) (allocate(?! tensors)|enlarge memory|grow memory)|maximum memory size exceeded/i;

/** What the page observed of the browser. */
export interface Seen {
  /** What the browser took away of the resources that the backend computes with. */
  lost?: string | undefined;
  /** Why a WebAssembly heap could not grow, the last time. */
  refused?: string | undefined;
}

export interface Failure {
  reason: string;
  fault?: PageFault;
}

/** Returns whether an error says that memory was refused. */
export function saysOutOfMemory(error: unknown): boolean {
  return OUT_OF_MEMORY.test(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
}

/**
 * Returns the reason and the fault of a failure. Engines may fail with messages of their own after something that the
 * browser did: the fault is then named by that, and the reason holds both.
 */
export function failureOf({ name, message }: Error, { lost, refused }: Seen): Failure {
  if (lost !== undefined) return { reason: message.includes(lost) ? message : `${message} (${lost})`, fault: 'lost context' };
  if (saysOutOfMemory(`${name}: ${message}`)) return { reason: message, fault: 'out of memory' };
  if (refused === undefined) return { reason: message };
  return { reason: `${message} (the WebAssembly heap could not grow: ${refused})`, fault: 'out of memory' };
}
