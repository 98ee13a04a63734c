// What passes add to a measurement (mobilebench/core/records.py).

/** Those that need nobody who drives the browser. */
export type PageOwnPass = 'timing' | 'kernels' | 'memory';

export type Pass = PageOwnPass | 'trace';

export interface Kernel {
  name: string;
  clock: 'cpu' | 'gpu';
  node?: number;
  provider?: string;
  warmup_ms?: number;
  /** One value a prediction. */
  times_ms: number[];
}

/** At the end of a stage; bytes, each under the name of what told them. */
export interface PageMemory {
  /** Since the page was opened. */
  at_ms: number;
  /** What has just ended. */
  stage: string;
  wasm_heap_bytes?: number;
  performance_memory_bytes?: number;
  performance_memory_total_bytes?: number;
  user_agent_bytes?: number;
  tf_bytes?: number;
  tf_gpu_bytes?: number;
  tf_tensors?: number;
}

/** When one kernel of the first inference had ended. */
export interface KernelMemory {
  name: string;
  bytes_added: number;
  total_bytes: number;
  wasm_heap_bytes?: number;
  performance_memory_bytes?: number;
}

export interface MemoryUse {
  page: PageMemory[];
  kernels: KernelMemory[];
  notes: string[];
}
