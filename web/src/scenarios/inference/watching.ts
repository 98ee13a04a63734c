// A model that watches a clip: the page shows each frame at its time, and the model answers to the latest one as soon as
// it is free. Frames that come and go meanwhile are never processed.
import type { WatchAnswer, WatchedFrame } from '../../core/types';

/** What shows the frames and answers to them. */
export interface Watching {
  clock(): number;
  /** Shows a frame of the clip in place of the one before. */
  show(frame: number): void;
  /** Answers to the frame that is shown; false: the model failed. */
  answer(frame: number): Promise<boolean>;
  /** Calls this whenever the page draws, until the function that it returns is called. */
  whenDrawn(callback: () => void): () => void;
  sleep(ms: number): Promise<void>;
  /** Lets other tasks of this thread run. */
  turn(): Promise<void>;
}

export type Course = Pick<WatchAnswer, 'shown_ms' | 'answered' | 'failed'>;

/** Shows a clip whose frames come at these ascending times, and returns when each was shown and answered to. */
export async function watch(times: readonly number[], watching: Watching): Promise<Course> {
  const began = watching.clock();
  const since = () => watching.clock() - began;
  const shown: (number | null)[] = times.map(() => null);
  const answered: WatchedFrame[] = [];
  const end = endOf(times);
  let last = -1;
  let processed = -1;
  let failed = false;
  const follow = () => {
    const frame = latest(times, since());
    if (frame <= last) return;
    watching.show(frame);
    shown[frame] = since();
    last = frame;
  };
  const stop = watching.whenDrawn(follow);
  try {
    while (since() < end && !failed) {
      follow();
      if (last > processed) {
        const frame = last;
        const started = since();
        processed = frame;
        failed = !(await watching.answer(frame));
        if (!failed) answered.push({ frame, started_ms: started, answered_ms: since() });
        await watching.turn();
      } else {
        await watching.sleep(Math.max((times[last + 1] ?? end) - since(), 0));
      }
    }
  } finally {
    stop();
  }
  return { shown_ms: shown, answered, failed };
}

/** Position of the last frame that has come at this time; -1: none has. */
function latest(times: readonly number[], now: number): number {
  let frame = -1;
  while (frame + 1 < times.length && (times[frame + 1] ?? Infinity) <= now) frame++;
  return frame;
}

/** The last frame stays as long as the one before it. */
function endOf(times: readonly number[]): number {
  const last = times.at(-1) ?? 0;
  return last + (times.length > 1 ? last - (times.at(-2) ?? last) : 0);
}
