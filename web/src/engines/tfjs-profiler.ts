// What TensorFlow.js tells of its kernels: their time, and the tensors that they make.
import { Unsupported, type KernelMemory } from '../core/types';
import type { Held, KernelRun, Profiler } from './engine';

/** One entry of `tf.profile`. */
export interface ProfiledKernel {
  name: string;
  bytesAdded: number;
  totalBytesSnapshot: number;
  /** A promise of a number until the profile is complete; something else where no timer could tell. */
  kernelTimeMs: unknown;
}

interface Profile {
  kernels: ProfiledKernel[];
}

/** What of the framework is needed here. */
export interface Profiled {
  profile(work: () => Promise<void>): Promise<Profile>;
  engine(): { state: { activeProfile: Profile } };
  env(): { set(flag: string, value: boolean): void };
}

/**
 * An operation that is made of kernels stands beside them in the profile, under the name of its scope: it would count
 * them twice.
 */
export function isKernel({ name }: Pick<ProfiledKernel, 'name'>): boolean {
  return name !== '' && name !== 'unnamed scope' && !name.endsWith('__op');
}

/** Times by `tf.profile`, which on WebGL and WebGPU are those of the GPU where the browser has timers for it. */
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
        kernels.map(({ name, kernelTimeMs }) => ({ name, ms: told(name, kernelTimeMs), clock: this.clock })),
      ),
    );
  }
}

function told(name: string, ms: unknown): number {
  if (typeof ms === 'number' && ms >= 0) return ms;
  throw new Unsupported(`TensorFlow.js has no time of its kernel ${name}: this browser's GPU timers did not answer.`);
}

/**
 * Runs one inference and notes, whenever a kernel has ended, which tensors it added, how many bytes of tensors there
 * are in all, and what the page holds. The framework appends each kernel to a list: that is where it is listened to.
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

/** Without a look for NaN in what every kernel gives: it would be read back, which costs more than many a kernel. */
async function profiled<T>(tf: Profiled, predict: () => T | Promise<T>): Promise<{ profile: Profile; value: T }> {
  let answer: { value: T } | undefined;
  tf.env().set('CHECK_COMPUTATION_FOR_ERRORS', false);
  const profile = await tf.profile(async () => {
    answer = { value: await predict() };
  });
  if (answer === undefined) throw new Error('TensorFlow.js profiled nothing.');
  return { profile, value: answer.value };
}
