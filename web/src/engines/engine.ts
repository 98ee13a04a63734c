// What a page needs of an engine. Framework code is not part of the page: it is fetched as a stage of its own.
import type { EngineMemory } from '../passes/memory';
import type { Profiler } from '../passes/profiler';
import type { KernelMemory } from '../passes/records';
import type { Held } from '../passes/tfjs';
import type { Job, Proof, Values } from '../records';

/** The folder of the release that a job names. */
export function releaseFolder(job: Pick<Job, 'engine'>): string {
  return `frameworks/${job.engine.replace('@', '-')}`;
}

/** What the page saw of the GPU that the framework got. */
export interface GpuProof {
  webgl(): Proof;
  webgpu(): Proof;
}

/** What `framework_download` fetches. */
export interface FrameworkFiles {
  /** The framework's script, which `framework_init` runs. */
  script: string;
  /** Scripts that the framework itself imports when it starts. */
  modules: readonly string[];
  /** Binaries that the framework is given from memory. */
  binaries: readonly string[];
}

/** One output tensor, in this page's memory. */
export interface Output {
  shape: readonly number[];
  values: ArrayLike<number>;
}

/** A loaded model. */
export interface Session {
  /**
   * One inference, from `inputs` (by the format's names) in this page's memory to outputs in this page's memory.
   * Tensors are made, executed, read back and freed in here. `returned` is called when the engine's own call has
   * returned and only the reading back is left; an engine of which that cannot be told apart never calls it.
   */
  predict(
    inputs: ReadonlyMap<string, Values>,
    returned: () => void,
  ): ReadonlyMap<string, Output> | Promise<ReadonlyMap<string, Output>>;
  /**
   * The profiler of a kernels pass, for a session that was made for one; absent where the engine has none. Raises
   * `Unsupported` where it has none for this backend.
   */
  profiler?(): Profiler;
  /** One inference, with what the engine counts of tensors after each kernel; absent where it counts none. */
  allocations?<T>(
    predict: () => T | Promise<T>,
    held: () => Held,
  ): Promise<{ value: T; kernels: KernelMemory[] }>;
}

/** A framework that has been started. */
export interface Engine {
  readonly version: string;
  /** Makes a session from the model's bytes, by file name. */
  load(files: ReadonlyMap<string, ArrayBuffer>): Promise<Session>;
  /**
   * Lets the framework obtain the model from its address by itself. What this gives makes the session, after the clock
   * has stopped: it may read the model again, for what the framework does not tell.
   */
  loadFrom(url: string): Promise<() => Promise<Session>>;
  /**
   * Backend, threads and renderer as the framework itself states them, after the last prediction. `workers` have been
   * started since the page was opened.
   */
  proof(workers: number): Promise<Proof>;
  /** What it counts of its tensors; absent where it counts none. */
  memory?(): EngineMemory;
}

export interface EngineAdapter {
  /** Raises `Unsupported` for a backend or setting that the engine does not have. */
  framework(job: Job): FrameworkFiles;
  /**
   * Runs the framework's script and starts its backend. Raises `Unsupported` when the browser lacks what it needs. The
   * framework fetches binaries that it is not given.
   */
  start(job: Job, script: string, binaries: ReadonlyMap<string, ArrayBuffer>, gpu: GpuProof): Promise<Engine>;
  /** Whether an error says that the engine cannot run this model, such as an operator that it lacks. */
  isUnsupported(error: Error): boolean;
}
