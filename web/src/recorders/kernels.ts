// A kernels pass: every inference runs under the engine's own profiler, and the kernels of all inferences are aligned.
import { now, timed, type Clock, type Timed } from '../core/stages';
import { Unsupported, type Job, type Kernel } from '../core/types';
import type { KernelRun, Profiler } from '../engines/engine';
import { TIMING_RECORDER, type Recorder, type Work } from './recorder';

/** Times each inference inside the profiler, which may wait for the GPU's timers after the inference has ended. */
export function kernelsRecorder({ engine }: Pick<Job, 'engine'>): Recorder {
  let profiler: Profiler | undefined;
  const watched = <T>(predict: Work<T>, clock: Clock = now): Promise<Timed<T>> => {
    if (profiler === undefined) throw new Error('The model was not loaded.');
    return profiler.watch(() => timed(predict, clock));
  };
  return {
    ...TIMING_RECORDER,
    loaded(session) {
      profiler = session.profiler?.();
      if (profiler === undefined) {
        throw new Unsupported(`${engine} does not report which operators it runs: it has no profiler.`);
      }
    },
    first: (predict) => watched(predict),
    later: watched,
    async finish() {
      return { kernels: kernelsOf((await profiler?.finish()) ?? []) };
    },
  };
}

/**
 * Returns the kernels with their times in the first inference (warmup) and in every later one. Kernels of different
 * inferences are the same when they have the same node or name and the same number of earlier occurrences. A kernel
 * that is missing in an inference has the time 0 there.
 */
export function kernelsOf(runs: readonly (readonly KernelRun[])[]): Kernel[] {
  const [first = [], ...later] = runs.map(keyed);
  if (runs.every((run) => run.length === 0)) throw new Unsupported('The engine reported no kernels.');
  const known = new Map<string, KernelRun>();
  for (const run of [...later, first]) {
    for (const [key, kernel] of run) if (!known.has(key)) known.set(key, kernel);
  }
  const warmup = new Map(first);
  const predictions = later.map((run) => new Map(run));
  return Array.from(known, ([key, { name, node, provider, clock }]) => {
    const warm = warmup.get(key);
    return {
      name,
      clock,
      ...(node !== undefined && { node }),
      ...(provider !== undefined && { provider }),
      ...(warm && { warmup_ms: warm.ms }),
      times_ms: predictions.map((run) => run.get(key)?.ms ?? 0),
    };
  });
}

function keyed(run: readonly KernelRun[]): [string, KernelRun][] {
  const seen = new Map<string, number>();
  return run.map((kernel) => {
    const plain = `${kernel.node ?? ''} ${kernel.name}`;
    const before = seen.get(plain) ?? 0;
    seen.set(plain, before + 1);
    return [`${plain} ${before}`, kernel];
  });
}
