// A kernels pass: every inference is watched by the engine's own profiler, and its kernels are laid side by side.
import { Unsupported } from '../records';
import type { Kernel } from './records';

/** One kernel of one inference. */
export interface KernelRun {
  /** As the profiler names it. */
  name: string;
  ms: number;
  /** Whose time it is: that of the graphics device, or of the processor, which may only hand the work over. */
  clock: 'cpu' | 'gpu';
  /** Position in the engine's plan, where the profiler tells it. */
  node?: number;
  /** Execution provider, where there are several. */
  provider?: string;
}

/** What an engine offers a kernels pass. */
export interface Profiler {
  /** Runs one inference, watched. */
  watch<T>(predict: () => T | Promise<T>): Promise<T>;
  /**
   * The kernels of every watched inference, in the order of the inferences and, within each, of the kernels. Asked for
   * once, after the last. Raises `Unsupported` where the profiler turns out to tell of none.
   */
  finish(): Promise<readonly (readonly KernelRun[])[]>;
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
