// The JSON that Python and pages exchange: a job goes in, a measurement comes out (mobilebench/core/records.py).

import type { Kernel, MemoryUse, Pass } from './passes/records';

export type Dtype = 'float32' | 'int32' | 'int64' | 'int8' | 'uint8' | 'bool';
export type Values = Float32Array | Int32Array | BigInt64Array | Int8Array | Uint8Array<ArrayBuffer>;

export interface Fill {
  kind: 'uniform' | 'integers';
  low: number;
  /** Exclusive. */
  high: number;
}

export interface InputJob {
  /** Canonical name. */
  name: string;
  /** Name in this model format. */
  format_name: string;
  /** As this model format wants it. */
  dtype: Dtype;
  shape: number[];
  fill: Fill;
  /** Number of the input in the published formula. */
  position: number;
}

export interface OutputJob {
  name: string;
  format_name: string;
}

export interface Rule {
  min_predictions: number;
  max_predictions: number;
  max_seconds: number;
}

export interface Job {
  /** `tfjs`, `ortjs` or `litertjs`; an older release carries its version: `ortjs@1.18`. */
  engine: string;
  backend: string;
  setting: string;
  threads: number;
  rule: Rule;
  /** `timing` unless told. */
  pass?: Pass;
  /** The browser counts a page's memory at once when it is asked, because it was started so. */
  eager_memory?: boolean;
  /** Fetched and then started, by part (unless told), or by the engine's own loader. */
  loader?: 'split' | 'as-shipped';
  /** How many elements of each output the answer shows at most; 64 unless told. */
  samples?: number;
  /** Of which inference the outputs are told: `last` unless told. */
  answer?: 'first' | 'last';
  model: {
    /** The file that the engine opens, relative to the page. */
    file: string;
    /** Further files, by the name that the model uses for them. */
    parts: Record<string, string>;
    inputs: InputJob[];
    outputs: OutputJob[];
  };
}

export interface FileProof {
  name: string;
  sha256?: string;
  bytes: number;
}

/** A file that was obtained during setup, as the browser's resource timings tell it. */
export interface Download {
  name: string;
  /** Of the body, still encoded. */
  bytes: number;
  decoded_bytes: number;
  start_ms: number;
  page_ms: number;
  from_cache: boolean;
}

export interface Proof {
  files?: FileProof[];
  backend?: string;
  threads?: number;
  threads_source?: string;
  graph_nodes?: number;
  delegates?: { name: string; nodes: number }[];
  clock_resolution_ms?: number;
  clock_cost_ms?: number;
  user_agent?: string;
  cross_origin_isolated?: boolean;
  hardware_concurrency?: number;
  visible?: boolean;
  focused?: boolean;
  runs_in?: 'main thread' | 'worker';
  power_preference?: string;
  downloads?: Download[];
  renderer?: string;
  renderer_software?: boolean;
  environment?: Record<string, string>;
  notes?: string[];
}

export type SetupPart = 'framework_download' | 'framework_init' | 'model_download' | 'model_init' | 'as_shipped';

export type Stage = 'setup' | 'warmup' | 'prediction';

/** What was compiled for the GPU during one stage, as far as the page's own calls show it. */
export interface Compilation {
  shaders: number;
  /** Pipelines of WebGPU, linked programs of WebGL. */
  pipelines: number;
  /** While at least one of these calls had not returned, or its promise was not fulfilled. */
  ms: number;
}

export interface OutputSummary {
  name: string;
  shape: number[];
  non_finite: number;
  l1: number;
  l2: number;
  max: number;
  digest: string;
  sample: { index: number[]; value: number[] };
}

/** Faults that a page lives through, and tells itself. */
export type PageFault = 'lost context' | 'out of memory';

export interface Measurement {
  schema: 'mobilebench/measurement/1';
  status: 'ok' | 'unsupported' | 'error';
  reason?: string;
  fault?: PageFault;
  engine: string;
  version?: string;
  proof: Proof;
  setup_ms: Partial<Record<SetupPart, number>>;
  warmup_ms: number[];
  prediction_ms: number[];
  readback_ms: number[];
  compilation: Partial<Record<Stage, Compilation>>;
  pass?: Pass;
  kernels?: Kernel[];
  memory?: MemoryUse;
  output: OutputSummary[];
}

/** The browser, the device or the engine cannot run this case: an outcome, not a failure. */
export class Unsupported extends Error {}
