// What a pass records besides the stages of a block; a timing pass records nothing more.
import type { Engine, Session } from '../engines/engine';
import type { Kernel, MemoryUse } from '../core/types';
import { timed, type Clock, type Timed } from '../core/stages';

export type Work<T> = () => T | Promise<T>;

/** What a pass adds to a measurement. */
export interface Recorded {
  kernels?: Kernel[];
  memory?: MemoryUse;
}

/** What a pass does besides the stages of a block. */
export interface Recorder {
  /** Called when a stage, or a part of it, has just ended. */
  ended(stage: string, engine?: Pick<Engine, 'memory'>): Promise<void>;
  /** Whether the page stops after this stage, so that its process can be examined from outside. */
  stopsAfter(stage: string): boolean;
  /** Called when the model has been loaded. Raises `Unsupported` where the engine cannot give what the pass records. */
  loaded(session: Pick<Session, 'profiler' | 'allocations'>): void;
  /** Runs and times the first inference. */
  first<T>(predict: Work<T>): Promise<Timed<T>>;
  /** Runs and times a later inference. */
  later<T>(predict: Work<T>, clock?: Clock): Promise<Timed<T>>;
  /** Called after the last inference. Returns what was recorded. */
  finish(): Promise<Recorded>;
}

/** The recorder of a timing pass. */
export const TIMING_RECORDER: Recorder = {
  ended: () => Promise.resolve(),
  stopsAfter: (stage) => stage === 'warmup' || stage === 'prediction',
  loaded: () => undefined,
  first: (predict) => timed(predict),
  later: (predict, clock) => timed(predict, clock),
  finish: () => Promise.resolve({}),
};
