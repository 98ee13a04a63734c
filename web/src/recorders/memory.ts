// A memory pass: the page's memory after each stage, as the page, its engine and its browser report it.
import { timed } from '../core/stages';
import type { KernelMemory, PageMemory } from '../core/types';
import type { EngineMemory, Held, Session } from '../engines/engine';
import { TIMING_RECORDER, type Recorder } from './recorder';

/** Longest waits for the browser's own count: when it counts at once, and when it waits for a garbage collection. */
const EAGER_MS = 3_000;
const PATIENCE_MS = 20_000;
const LATE = 'the browser did not count the memory of a page whose workers wait';

interface ChromePerformance {
  memory?: { usedJSHeapSize: number; totalJSHeapSize: number };
  measureUserAgentSpecificMemory?: () => Promise<{ bytes: number }>;
}

type Instantiated = WebAssembly.WebAssemblyInstantiatedSource | WebAssembly.Instance;

/** Collects every WebAssembly memory that the page creates from now on, also those that an instance exports. */
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

  /** The total length of the memories. */
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

/** Reads the page's memory when a stage has ended. It is created before any framework is loaded. */
export class PageMemoryReader {
  readonly readings: PageMemory[] = [];
  readonly notes: string[] = [];
  private readonly heap = new HeapWatch();
  private readonly performance: ChromePerformance & Pick<Performance, 'now'> = performance;

  /** `eager`: the browser counts the memory at once; otherwise it is asked only once, at the end. */
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

  /** The memory counts that can be read immediately, at any time. */
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

  /**
   * Asks the browser, with a time limit: the browser asks every worker, and a framework's workers may wait for work in
   * a way that nothing wakes them.
   */
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

/**
 * Reads the memory when each stage has ended, and after each kernel of the first inference where the engine supports
 * that.
 */
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
      const allocated = await session.allocations(
        () => timed(predict),
        () => page.held(),
      );
      kernels = allocated.kernels;
      return allocated.value;
    },
    finish: () => Promise.resolve({ memory: { page: page.readings, kernels, notes: page.notes } }),
  };
}
