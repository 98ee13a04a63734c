// A kernels pass: every inference is watched by the engine's own profiler, and its kernels are laid side by side.
import { now, timed, type Clock, type Timed } from '../core/stages';
import { Unsupported, type Job, type Kernel } from '../core/types';
import type { KernelRun, Profiler } from '../engines/engine';
import { TIMING_RECORDER, type Recorder, type Work } from './recorder';

/** An inference is timed inside the profiler, which may wait for the GPU's timers when the inference has ended. */
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

/**
 * Kernels with their time in the first inference (warmup) and in every later one. The same kernel of two inferences is
 * found by its node or name, and by how often that came before. Where an inference lacks it, its time there is 0.
 */
export function kernelsOf(runs: readonly (readonly KernelRun[])[]): Kernel[] {
  const [first = [], ...later] = runs.map(keyed);
  if (runs.every((run) => run.length === 0)) throw new Unsupported('The engine told of no kernel that it ran.');
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
