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

/** What a pass does beside the stages of a block. */
export interface Recorder {
  /** A stage, or a part of it, has just ended. */
  ended(stage: string, engine?: Pick<Engine, 'memory'>): Promise<void>;
  /** Whether whoever drives the page is to look at its process now that this has ended. */
  stopsAfter(stage: string): boolean;
  /** The model has been loaded. Raises `Unsupported` where the engine does not tell what the pass wants to know. */
  loaded(session: Pick<Session, 'profiler' | 'allocations'>): void;
  /** The first inference, timed. */
  first<T>(predict: Work<T>): Promise<Timed<T>>;
  /** A later one. */
  later<T>(predict: Work<T>, clock?: Clock): Promise<Timed<T>>;
  /** After the last inference. */
  finish(): Promise<Recorded>;
}

/** The stages alone. */
export const TIMING_RECORDER: Recorder = {
  ended: () => Promise.resolve(),
  stopsAfter: (stage) => stage === 'warmup' || stage === 'prediction',
  loaded: () => undefined,
  first: (predict) => timed(predict),
  later: (predict, clock) => timed(predict, clock),
  finish: () => Promise.resolve({}),
};
