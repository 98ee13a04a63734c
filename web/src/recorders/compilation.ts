// Counts what is compiled for the GPU in each stage, by wrapping the calls with which WebGL and WebGPU compile.
import type { Compilation, Stage } from '../core/types';
import { now, type Clock } from '../core/stages';

type Method = (this: object, ...args: unknown[]) => unknown;
type Counted = 'shaders' | 'pipelines';

/** The methods that compile, and what each creates. The two that query a result only wait for it. */
const WEBGL: Record<string, Counted | undefined> = {
  compileShader: 'shaders',
  linkProgram: 'pipelines',
  getShaderParameter: undefined,
  getProgramParameter: undefined,
};
const WEBGPU: Record<string, Counted | undefined> = {
  createShaderModule: 'shaders',
  createComputePipeline: 'pipelines',
  createComputePipelineAsync: 'pipelines',
  createRenderPipeline: 'pipelines',
  createRenderPipelineAsync: 'pipelines',
};
const WATCHED: Record<string, Record<string, Counted | undefined>> = {
  WebGLRenderingContext: WEBGL,
  WebGL2RenderingContext: WEBGL,
  GPUDevice: WEBGPU,
};

/** Counts what is compiled from now on. */
export class CompilationWatch {
  private counts: Record<Counted, number> = { shaders: 0, pipelines: 0 };
  private busyMs = 0;
  private underWay = 0;
  private since = 0;

  constructor(
    private readonly clock: Clock = now,
    scope: object = globalThis,
  ) {
    for (const [name, methods] of Object.entries(WATCHED)) {
      const kind = (scope as Record<string, { prototype: Record<string, Method | undefined> } | undefined>)[name];
      if (kind !== undefined) this.watch(kind.prototype, methods);
    }
  }

  /** Returns what was compiled since the last call; undefined when nothing was. */
  take(): Compilation | undefined {
    const { shaders, pipelines } = this.counts;
    const ms = this.busyMs;
    this.counts = { shaders: 0, pipelines: 0 };
    this.busyMs = 0;
    return shaders + pipelines === 0 ? undefined : { shaders, pipelines, ms };
  }

  private watch(prototype: Record<string, Method | undefined>, methods: Record<string, Counted | undefined>): void {
    for (const [name, counted] of Object.entries(methods)) {
      const original = prototype[name];
      if (original === undefined) continue;
      // eslint-disable-next-line @typescript-eslint/no-this-alias
      const watch = this;
      prototype[name] = function (...args) {
        if (counted !== undefined) watch.counts[counted]++;
        watch.begin();
        let result: unknown;
        try {
          result = original.apply(this, args);
        } finally {
          if (!(result instanceof Promise)) watch.end();
        }
        if (result instanceof Promise) result.then(watch.end, watch.end);
        return result;
      };
    }
  }

  private begin(): void {
    if (this.underWay++ === 0) this.since = this.clock();
  }

  private readonly end = (): void => {
    if (--this.underWay === 0) this.busyMs += this.clock() - this.since;
  };
}

/** Returns only the stages in which something was compiled. */
export function byStage(stages: Record<Stage, Compilation | undefined>): Partial<Record<Stage, Compilation>> {
  return Object.fromEntries(Object.entries(stages).filter(([, found]) => found !== undefined));
}
