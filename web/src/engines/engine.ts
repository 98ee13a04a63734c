// What a page needs of an engine. Framework code is not part of the page: it is fetched as a stage of its own.
import type { Job, KernelMemory, PageMemory, Proof, Values } from '../core/types';

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

/** What the page holds at one moment, in bytes, beside what the framework counts. */
export interface Held {
  wasm_heap_bytes?: number;
  performance_memory_bytes?: number;
}

/** What an engine counts itself. */
export type EngineMemory = Pick<PageMemory, 'tf_bytes' | 'tf_gpu_bytes' | 'tf_tensors'>;

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
