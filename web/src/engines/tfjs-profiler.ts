// Kernels of TensorFlow.js: their times, and the memory of the tensors that they create.
import { Unsupported, type KernelMemory } from '../core/types';
import type { Held, KernelRun, Profiler } from './engine';

/** One entry of `tf.profile`. */
export interface ProfiledKernel {
  name: string;
  bytesAdded: number;
  totalBytesSnapshot: number;
  /** A promise of a number until the profile is complete; another value where no timer gave a time. */
  kernelTimeMs: unknown;
}

interface Profile {
  kernels: ProfiledKernel[];
}

/** The part of the framework that is used here. */
export interface Profiled {
  profile(work: () => Promise<void>): Promise<Profile>;
  engine(): { state: { activeProfile: Profile } };
  env(): { set(flag: string, value: boolean): void };
}

/**
 * Returns whether an entry is a kernel. Operations that consist of kernels are also in the profile, under the name of
 * their scope, and would count their kernels twice.
 */
export function isKernel({ name }: Pick<ProfiledKernel, 'name'>): boolean {
  return name !== '' && name !== 'unnamed scope' && !name.endsWith('__op');
}

/** Times from `tf.profile`. On WebGL and WebGPU they are GPU times where the browser has timers for them. */
export class TfjsProfiler implements Profiler {
  private readonly profiles: Profile[] = [];

  constructor(
    private readonly tf: Profiled,
    private readonly clock: KernelRun['clock'],
  ) {}

  async watch<T>(predict: () => T | Promise<T>): Promise<T> {
    const { profile, value } = await profiled(this.tf, predict);
    this.profiles.push({ kernels: profile.kernels.filter(isKernel) });
    return value;
  }

  finish(): Promise<KernelRun[][]> {
    return Promise.resolve(
      this.profiles.map(({ kernels }) =>
        kernels.map(({ name, kernelTimeMs }) => ({ name, ms: kernelMs(name, kernelTimeMs), clock: this.clock })),
      ),
    );
  }
}

function kernelMs(name: string, ms: unknown): number {
  if (typeof ms === 'number' && ms >= 0) return ms;
  throw new Unsupported(`TensorFlow.js has no time of its kernel ${name}: this browser's GPU timers did not answer.`);
}

/**
 * Runs one inference, and notes after each kernel which bytes of tensors it added, how many there are in total, and the
 * memory of the page. The framework appends each kernel to a list, whose `push` is replaced for this.
 */
export async function allocations<T>(
  tf: Profiled,
  predict: () => T | Promise<T>,
  held: () => Held,
): Promise<{ value: T; kernels: KernelMemory[] }> {
  const kernels: KernelMemory[] = [];
  const { value } = await profiled(tf, () => {
    const list = tf.engine().state.activeProfile.kernels;
    list.push = (...entries: ProfiledKernel[]) => {
      for (const entry of entries) {
        if (!isKernel(entry)) continue;
        const { name, bytesAdded, totalBytesSnapshot } = entry;
        kernels.push({ name, bytes_added: bytesAdded, total_bytes: totalBytesSnapshot, ...held() });
      }
      return Array.prototype.push.apply(list, entries);
    };
    return predict();
  });
  return { value, kernels };
}

/**
 * Profiles one inference, without the framework's check of every result for NaN, which would read the result back and
 * take longer than many kernels.
 */
async function profiled<T>(tf: Profiled, predict: () => T | Promise<T>): Promise<{ profile: Profile; value: T }> {
  let answer: { value: T } | undefined;
  tf.env().set('CHECK_COMPUTATION_FOR_ERRORS', false);
  const profile = await tf.profile(async () => {
    answer = { value: await predict() };
  });
  if (answer === undefined) throw new Error('TensorFlow.js profiled nothing.');
  return { profile, value: answer.value };
}
