// The bench page measures in a frame of its own, on a path of its own.
import type { Job, Started } from '../core/types';
import { element } from './showing';

interface BenchWindow extends Window {
  mobilebench: { run(job: Job): Promise<string> };
  Navigator: typeof Navigator;
}

/** What the bench page answers, in a frame that is gone afterwards with everything that it held. */
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
    // What a browser shows instead of a page that did not come is nobody's to look at.
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

/** A phone whose screen goes dark hides the page. Where the browser cannot hold it, the person has to. */
async function stayAwake(): Promise<WakeLockSentinel | undefined> {
  try {
    return await navigator.wakeLock.request('screen');
  } catch {
    return undefined;
  }
}
