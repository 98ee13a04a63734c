// What a page needs of an engine. Framework code is not part of the page: it is fetched as a stage of its own.
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
