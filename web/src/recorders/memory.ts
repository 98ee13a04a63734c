// A memory pass: what the page, its engine and its browser say of the page's memory when a stage has ended.
import { timed } from '../core/stages';
import type { KernelMemory, PageMemory } from '../core/types';
import type { EngineMemory, Held, Session } from '../engines/engine';
import { TIMING_RECORDER, type Recorder } from './recorder';

/** Longest waits for the browser's own count: one that comes at once, and one that comes with a garbage collection. */
const EAGER_MS = 3_000;
const PATIENCE_MS = 20_000;
const LATE = 'the browser did not count the memory of a page whose workers wait';

interface ChromePerformance {
  memory?: { usedJSHeapSize: number; totalJSHeapSize: number };
  measureUserAgentSpecificMemory?: () => Promise<{ bytes: number }>;
}

type Instantiated = WebAssembly.WebAssemblyInstantiatedSource | WebAssembly.Instance;

/** Knows every WebAssembly memory that the page makes from now on, itself or by an instance that exports it. */
export class HeapWatch {
  private readonly memories = new Set<WebAssembly.Memory>();

  constructor() {
    const memories = this.memories;
    const { instantiate, instantiateStreaming, Instance, Memory } = WebAssembly;
    const noted = <T extends Instantiated>(made: T): T => {
      this.note('instance' in made ? made.instance : made);
      return made;
    };
    Object.assign(WebAssembly, {
      Memory: class extends Memory {
        constructor(descriptor: WebAssembly.MemoryDescriptor) {
          super(descriptor);
          memories.add(this);
        }
      },
      Instance: class extends Instance {
        constructor(module: WebAssembly.Module, imports?: WebAssembly.Imports) {
          super(module, imports);
          noted(this);
        }
      },
      instantiate: async (source: BufferSource, imports?: WebAssembly.Imports) =>
        noted(await instantiate.call(WebAssembly, source, imports)),
      instantiateStreaming: async (source: Response | PromiseLike<Response>, imports?: WebAssembly.Imports) =>
        noted(await instantiateStreaming.call(WebAssembly, source, imports)),
    });
  }

  /** The length of all of them together. */
  get bytes(): number {
    let sum = 0;
    for (const memory of this.memories) sum += memory.buffer.byteLength;
    return sum;
  }

  private note(instance: WebAssembly.Instance) {
    for (const value of Object.values(instance.exports)) {
      if (value instanceof Object && 'buffer' in value && 'grow' in value) this.memories.add(value);
    }
  }
}

/** Reads the page's memory whenever a stage has ended. Made before any framework is loaded. */
export class PageMemoryReader {
  readonly readings: PageMemory[] = [];
  readonly notes: string[] = [];
  private readonly heap = new HeapWatch();
  private readonly performance: ChromePerformance & Pick<Performance, 'now'> = performance;

  /** `eager`: the browser counts at once when it is asked; else it is asked once only, when all is done. */
  constructor(private readonly eager: boolean) {}

  async read(stage: string, engine: EngineMemory = {}): Promise<void> {
    const at_ms = this.performance.now();
    const memory = this.performance.memory;
    const held = this.held();
    const asked = this.asksAfter(stage) ? await this.userAgentBytes() : undefined;
    this.readings.push({
      at_ms,
      stage,
      ...held,
      ...(memory && { performance_memory_total_bytes: memory.totalJSHeapSize }),
      ...(asked !== undefined && { user_agent_bytes: asked }),
      ...engine,
    });
  }

  /** What can be read at once, at any time. */
  held(): Held {
    const memory = this.performance.memory;
    return {
      wasm_heap_bytes: this.heap.bytes,
      ...(memory && { performance_memory_bytes: memory.usedJSHeapSize }),
    };
  }

  private asksAfter(stage: string): boolean {
    return stage === 'prediction' || (this.eager && this.notes.length === 0);
  }

  /** The browser asks every worker, and those of a framework may wait for work in a way that nothing wakes. */
  private async userAgentBytes(): Promise<number | undefined> {
    if (this.performance.measureUserAgentSpecificMemory === undefined) return undefined;
    const late = new Promise<undefined>((resolve) => {
      setTimeout(resolve, this.eager ? EAGER_MS : PATIENCE_MS);
    });
    try {
      const counted = await Promise.race([this.performance.measureUserAgentSpecificMemory(), late]);
      if (counted === undefined && !this.notes.includes(LATE)) this.notes.push(LATE);
      return counted?.bytes;
    } catch (error) {
      this.notes.push(`the browser does not count the page's memory: ${String(error).slice(0, 200)}`);
      return undefined;
    }
  }
}

/** The page is read when each stage has ended; the first inference kernel by kernel, where the engine tells. */
export function memoryRecorder(page: Pick<PageMemoryReader, 'read' | 'held' | 'readings' | 'notes'>): Recorder {
  let session: Pick<Session, 'allocations'> = {};
  let kernels: KernelMemory[] = [];
  return {
    ...TIMING_RECORDER,
    ended: (stage, engine) => page.read(stage, engine?.memory?.()),
    stopsAfter: () => true,
    loaded(made) {
      session = made;
    },
    async first(predict) {
      if (session.allocations === undefined) return timed(predict);
      const told = await session.allocations(
        () => timed(predict),
        () => page.held(),
      );
      kernels = told.kernels;
      return told.value;
    },
    finish: () => Promise.resolve({ memory: { page: page.readings, kernels, notes: page.notes } }),
  };
}
