// The interface of an engine. Framework code is not part of the page: it is fetched in a stage of its own.
import type { Job, KernelMemory, PageMemory, Proof, Values } from '../core/types';

/** The folder of the release that a job names. */
export function releaseFolder(job: Pick<Job, 'engine'>): string {
  return `frameworks/${job.engine.replace('@', '-')}`;
}

/** What the page knows about the GPU that the framework got. */
export interface GpuProof {
  webgl(): Proof;
  webgpu(): Proof;
}

/** The files that `framework_download` fetches. */
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
  /** Whether the time is the GPU's, or the processor's, which may only submit the work. */
  clock: 'cpu' | 'gpu';
  /** Position in the engine's plan, where the profiler reports it. */
  node?: number;
  /** Execution provider, where there are several. */
  provider?: string;
}

/** The profiler that an engine has for a kernels pass. */
export interface Profiler {
  /** Runs one inference under the profiler. */
  watch<T>(predict: () => T | Promise<T>): Promise<T>;
  /**
   * Returns the kernels of every profiled inference, in the order in which they ran. Called once, after the last
   * inference. Raises `Unsupported` where the profiler reports no kernels.
   */
  finish(): Promise<readonly (readonly KernelRun[])[]>;
}

/** The memory of the page at one moment, in bytes, besides what the framework counts. */
export interface Held {
  wasm_heap_bytes?: number;
  performance_memory_bytes?: number;
}

/** The engine's own memory counts. */
export type EngineMemory = Pick<PageMemory, 'tf_bytes' | 'tf_gpu_bytes' | 'tf_tensors'>;

/** A loaded model. */
export interface Session {
  /**
   * Runs one inference, from `inputs` (by the names in the model's file) in this page's memory to outputs in this
   * page's memory. It creates tensors, executes, reads back and frees. `returned` is called when the engine's own call
   * has returned and only reading back is left; an engine whose call includes reading back never calls it.
   */
  predict(
    inputs: ReadonlyMap<string, Values>,
    returned: () => void,
  ): ReadonlyMap<string, Output> | Promise<ReadonlyMap<string, Output>>;
  /**
   * Returns the profiler of a kernels pass; absent where the engine has none. Raises `Unsupported` where the engine has
   * none for this backend.
   */
  profiler?(): Profiler;
  /** Runs one inference, and returns the engine's memory counts after each kernel; absent where it has none. */
  allocations?<T>(
    predict: () => T | Promise<T>,
    held: () => Held,
  ): Promise<{ value: T; kernels: KernelMemory[] }>;
}

/** A framework that has been started. */
export interface Engine {
  readonly version: string;
  /** Creates a session from the model's files, given by name. */
  load(files: ReadonlyMap<string, ArrayBuffer>): Promise<Session>;
  /**
   * Lets the framework fetch the model from its address by itself. The function that it returns creates the session
   * after the clock has stopped; it may read the model again for facts that the framework does not report.
   */
  loadFrom(url: string): Promise<() => Promise<Session>>;
  /**
   * Reads backend, threads and renderer from the framework, after the last prediction. `workers` is the number of
   * workers started since the page was opened.
   */
  proof(workers: number): Promise<Proof>;
  /** Returns memory counts of tensors; absent where the framework has none. */
  memory?(): EngineMemory;
}

export interface EngineAdapter {
  /** Raises `Unsupported` for a backend or build that the engine does not have. */
  framework(job: Job): FrameworkFiles;
  /**
   * Runs the framework's script and starts its backend. Raises `Unsupported` when the browser lacks a needed feature.
   * Binaries that are not given are fetched by the framework.
   */
  start(job: Job, script: string, binaries: ReadonlyMap<string, ArrayBuffer>, gpu: GpuProof): Promise<Engine>;
  /** Whether an error says that the engine cannot run this model, such as an operator that it lacks. */
  isUnsupported(error: Error): boolean;
}
