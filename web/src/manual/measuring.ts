// Runs the bench page in a frame, on a path of its own.
import type { Job, Started } from '../core/types';
import { element } from './showing';

interface BenchWindow extends Window {
  mobilebench: { run(job: Job): Promise<string> };
  Navigator: typeof Navigator;
}

/** Returns the answer of the bench page. It runs in a frame, which is removed afterwards together with its memory. */
export async function measured(started: Started, frames: HTMLElement, stopped: AbortSignal): Promise<string> {
  const frame = element('iframe');
  frame.src = new URL(started.page, location.href).href;
  const loaded = new Promise((resolve) => {
    frame.addEventListener('load', resolve, { once: true });
  });
  const awake = await stayAwake();
  frames.replaceChildren(frame);
  try {
    return await Promise.race([loaded.then(() => run(frame, started)), aborted(stopped)]);
  } finally {
    frames.replaceChildren();
    await awake?.release();
  }
}

function run(frame: HTMLIFrameElement, { job, cores }: Started): Promise<string> {
  const { mobilebench, Navigator } = benchOf(frame);
  if (cores !== null) Object.defineProperty(Navigator.prototype, 'hardwareConcurrency', { get: () => cores });
  return mobilebench.run(job);
}

function benchOf(frame: HTMLIFrameElement): BenchWindow {
  const view = frame.contentWindow;
  try {
    if (view !== null && 'mobilebench' in view) return view as BenchWindow;
  } catch {
    // A browser denies access to what it shows instead of a page that did not load.
  }
  throw new Error('The page that measures could not be opened. Is “mobilebench serve” still running?');
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => {
      reject(signal.reason as Error);
    });
  });
}

/** Keeps the screen on, because a dark screen hides the page. Where the browser cannot do that, the person has to. */
async function stayAwake(): Promise<WakeLockSentinel | undefined> {
  try {
    return await navigator.wakeLock.request('screen');
  } catch {
    return undefined;
  }
}
