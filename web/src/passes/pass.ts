// What a block is for: the stages alone, or also kernels, memory or the browser's own trace.
import type { Engine, Session } from '../engines/engine';
import { Unsupported, type Job } from '../records';
import { now, timed, type Clock, type Setup, type Timed } from '../stages';
import { PageMemoryWatch } from './memory';
import { kernelsOf, type Profiler } from './profiler';
import type { Kernel, KernelMemory, MemoryUse } from './records';
import { tracePass } from './trace';

type Work<T> = () => T | Promise<T>;

/** What a pass adds to a measurement. */
export interface Watched {
  kernels?: Kernel[];
  memory?: MemoryUse;
}

/** What a pass does beside the stages of a block. */
export interface Watching {
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
  finish(): Promise<Watched>;
}

/** `setup` is that of the block: what it holds when a part has ended. */
export function watchingFor(job: Job, setup: Pick<Setup, 'ms' | 'end'>): Watching {
  switch (job.pass) {
    case 'kernels':
      return kernelsPass(job);
    case 'memory':
      return memoryPass(new PageMemoryWatch(job.eager_memory ?? false));
    case 'trace':
      return tracePass(setup);
    default:
      return TIMING;
  }
}

/** The stages alone. */
export const TIMING: Watching = {
  ended: () => Promise.resolve(),
  stopsAfter: (stage) => stage === 'warmup' || stage === 'prediction',
  loaded: () => undefined,
  first: (predict) => timed(predict),
  later: (predict, clock) => timed(predict, clock),
  finish: () => Promise.resolve({}),
};

/** An inference is timed inside the profiler, which may wait for the GPU's timers when the inference has ended. */
export function kernelsPass({ engine }: Pick<Job, 'engine'>): Watching {
  let profiler: Profiler | undefined;
  const watched = <T>(predict: Work<T>, clock: Clock = now): Promise<Timed<T>> => {
    if (profiler === undefined) throw new Error('The model was not loaded.');
    return profiler.watch(() => timed(predict, clock));
  };
  return {
    ...TIMING,
    loaded(session) {
      profiler = session.profiler?.();
      if (profiler === undefined) {
        throw new Unsupported(`${engine} does not tell which operators it runs: it has no profiler.`);
      }
    },
    first: (predict) => watched(predict),
    later: watched,
    async finish() {
      return { kernels: kernelsOf((await profiler?.finish()) ?? []) };
    },
  };
}

/** The page is read when each stage has ended; the first inference kernel by kernel, where the engine tells. */
export function memoryPass(page: Pick<PageMemoryWatch, 'read' | 'held' | 'readings' | 'notes'>): Watching {
  let session: Pick<Session, 'allocations'> = {};
  let kernels: KernelMemory[] = [];
  return {
    ...TIMING,
    ended: (stage, engine) => page.read(stage, engine?.memory?.()),
    stopsAfter: () => true,
    loaded(made) {
      session = made;
    },
    async first(predict) {
      if (session.allocations === undefined) return timed(predict);
      const told = await session.allocations(
        () => timed(predict),
        () => page.held(),
      );
      kernels = told.kernels;
      return told.value;
    },
    finish: () => Promise.resolve({ memory: { page: page.readings, kernels, notes: page.notes } }),
  };
}
