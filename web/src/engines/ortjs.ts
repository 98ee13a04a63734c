// ONNX Runtime Web on its WebAssembly, WebGL, WebGPU and WebNN backends.
import type * as Ort from 'onnxruntime-web';
import { listening } from '../core/console';
import { address } from '../core/downloads';
import { OrtProfiler } from './ortjs-profiler';
import { Unsupported, type Job, type Proof, type Values } from '../core/types';
import {
  releaseFolder,
  type Engine,
  type EngineAdapter,
  type FrameworkFiles,
  type GpuProof,
  type Output,
  type Profiler,
  type Session,
} from './engine';
import { Placement } from './placement';
import { PthreadWatch } from './pthreads';

/** The oldest release has no version field, and frees tensors by itself. */
type Framework = Pick<typeof Ort, 'env' | 'InferenceSession' | 'Tensor'> & { version?: string };

interface Build {
  /** File name without folder and extension. */
  script: string;
  /** The WebAssembly binary without its extension; WebGL has none. */
  binary?: string;
  /** The binary's glue code is a separate file, not a part of the script. */
  glue?: boolean;
}

const CURRENT: Record<string, Build> = {
  wasm: { script: 'wasm', binary: 'ort-wasm-simd-threaded', glue: true },
  webgl: { script: 'webgl' },
  webgpu: { script: 'webgpu', binary: 'ort-wasm-simd-threaded.asyncify', glue: true },
  webnn: { script: 'webgpu', binary: 'ort-wasm-simd-threaded.asyncify', glue: true },
};
const FOUR_BUILDS: Record<string, Build> = {
  plain: { script: 'wasm', binary: 'ort-wasm' },
  simd: { script: 'wasm', binary: 'ort-wasm-simd' },
  threads: { script: 'wasm', binary: 'ort-wasm-threaded' },
  'simd-threads': { script: 'wasm', binary: 'ort-wasm-simd-threaded' },
};

/** Older releases do not wait for their threads: those of 1.14 exist only some time after the start. */
const THREAD_PATIENCE_MS = 5000;

/** An ONNX model of one Identity node, because the runtime starts only with a model. */
const IDENTITY_MODEL =
  'CAgSADo3ChAKAXgSAXkiCElkZW50aXR5EgFnWg8KAXgSCgoICAESBAoCCAFiDwoBeRIKCggIARIECgIIAUIECgAQDQ==';

export const ortjs: EngineAdapter = {
  framework(job: Job): FrameworkFiles {
    const { script, binary, glue } = buildOf(job);
    const folder = releaseFolder(job);
    return {
      script: `${folder}/${script}.js`,
      modules: glue && binary ? [`${folder}/${binary}.mjs`] : [],
      binaries: binary ? [`${folder}/${binary}.wasm`] : [],
    };
  },

  async start(job, script, binaries, gpu) {
    if (job.threads > 1 && typeof SharedArrayBuffer === 'undefined') {
      throw new Unsupported('This page has no WebAssembly threads (SharedArrayBuffer needs an isolated page).');
    }
    if (job.backend === 'webnn' && !('ml' in navigator)) {
      throw new Unsupported('This browser has no WebNN (navigator.ml is missing).');
    }
    const pthreads = new PthreadWatch();
    const ort = (await import(/* @vite-ignore */ script)) as Framework;
    configure(ort, job, binaries);
    if (job.loader === 'as-shipped') return new OrtEngine(ort, job, gpu, pthreads);
    const identity = Uint8Array.from(atob(IDENTITY_MODEL), (character) => character.charCodeAt(0));
    await release(await ort.InferenceSession.create(identity, sessionOptions(job)));
    if (isOlder(job) && job.backend === 'wasm') await pthreads.reach(job.threads - 1, THREAD_PATIENCE_MS);
    return new OrtEngine(ort, job, gpu, pthreads);
  },

  isUnsupported(error) {
    return /not[ _]implemented|not supported|does not support|could not find an implementation|no available backend|unrecognized operator|cannot resolve operator|failed to load model as onnx format|unsupported|invalid input type|input tensor.*check failed/i.test(
      error.message,
    );
  },
};

function isOlder(job: Job): boolean {
  return job.engine !== 'ortjs';
}

function buildOf(job: Job): Build {
  const older = isOlder(job);
  const build = older && job.backend === 'wasm' ? FOUR_BUILDS[job.wasm_build ?? ''] : CURRENT[job.backend];
  if (build === undefined || (older && build.glue)) {
    throw new Unsupported(`ONNX Runtime Web has no ${job.backend} ${job.wasm_build ?? ''} here.`);
  }
  return build;
}

/** Gives the downloaded binary to the framework: to older releases as an address, to the current one as bytes. */
function configure(ort: Framework, job: Job, binaries: ReadonlyMap<string, ArrayBuffer>): void {
  const { binary, glue } = buildOf(job);
  if (binary === undefined) return;
  const file = `${releaseFolder(job)}/${binary}`;
  const bytes = binaries.get(`${file}.wasm`);
  const { wasm } = ort.env;
  wasm.numThreads = job.threads;
  if (glue) {
    wasm.wasmPaths = { mjs: address(`${file}.mjs`), ...(!bytes && { wasm: address(`${file}.wasm`) }) };
    if (bytes) wasm.wasmBinary = bytes;
  } else {
    const place = bytes
      ? URL.createObjectURL(new Blob([bytes], { type: 'application/wasm' }))
      : address(`${file}.wasm`);
    Object.assign(wasm, { simd: job.wasm_build?.startsWith('simd'), wasmPaths: { [`${binary}.wasm`]: place } });
  }
}

function sessionOptions(job: Job): Ort.InferenceSession.SessionOptions {
  if (job.backend !== 'webnn') return { executionProviders: [job.backend] };
  return { executionProviders: [{ name: 'webnn', deviceType: job.device_type as 'cpu' | 'gpu' | 'npu' }] };
}

/** The session options of a kernels pass switch on tracing. */
function modelOptions(job: Job): Ort.InferenceSession.SessionOptions {
  const traced = job.pass === 'kernels' && job.backend !== 'webgl';
  return traced ? { ...sessionOptions(job), enableProfiling: true } : sessionOptions(job);
}

/** The oldest release cannot free a session. */
async function release(session: Pick<Partial<Ort.InferenceSession>, 'release'>): Promise<void> {
  await session.release?.();
}

class OrtEngine implements Engine {
  readonly version: string;
  /** The model's bytes, or its address where the framework fetches it. */
  private model: Uint8Array | string = '';
  private weights: Pick<Ort.InferenceSession.SessionOptions, 'externalData'> = {};

  constructor(
    private readonly ort: Framework,
    private readonly job: Job,
    private readonly gpu: GpuProof,
    private readonly pthreads: PthreadWatch,
  ) {
    const versions = ort.env.versions as Ort.Env['versions'] | undefined;
    this.version = versions?.web ?? versions?.common ?? ort.version ?? 'unknown';
  }

  async load(files: ReadonlyMap<string, ArrayBuffer>): Promise<Session> {
    const { file } = this.job.model;
    const bytes = files.get(file);
    if (bytes === undefined) throw new Error(`The model file ${file} is missing.`);
    this.model = new Uint8Array(bytes);
    const parts = Object.entries(this.job.model.parts);
    if (parts.length > 0) {
      const externalData = parts.map(([path, name]) => ({ path, data: new Uint8Array(files.get(name) ?? []) }));
      this.weights = { externalData };
    }
    return new OrtSession(this.ort, await this.create(modelOptions(this.job)), this.job);
  }

  async loadFrom(url: string): Promise<() => Promise<Session>> {
    this.model = url;
    const parts = Object.entries(this.job.model.parts);
    if (parts.length > 0) {
      this.weights = { externalData: parts.map(([path, name]) => ({ path, data: address(name) })) };
    }
    const session = await this.create(modelOptions(this.job));
    return () => Promise.resolve(new OrtSession(this.ort, session, this.job));
  }

  private create(options: Ort.InferenceSession.SessionOptions): Promise<Ort.InferenceSession> {
    const all = { ...options, ...this.weights };
    const { model } = this;
    return typeof model === 'string'
      ? this.ort.InferenceSession.create(model, all)
      : this.ort.InferenceSession.create(model, all);
  }

  async proof(): Promise<Proof> {
    const { backend } = this.job;
    const seen = backend === 'webgl' ? this.gpu.webgl() : backend === 'webgpu' ? this.gpu.webgpu() : {};
    if (backend === 'webgl') return { ...seen, backend: seen.renderer === undefined ? 'wasm' : 'webgl' };
    const placed = backend === 'wasm' ? {} : await this.placement();
    return {
      ...seen,
      ...placed,
      backend: await this.backend(placed),
      ...this.threads(),
    };
  }

  /** The number of threads. The current release lowers it when it cannot have so many; older ones do not. */
  private threads(): Proof {
    if (isOlder(this.job)) {
      return { threads: 1 + this.pthreads.started, threads_source: "threads started, and the page's own" };
    }
    const threads = this.ort.env.wasm.numThreads;
    return threads === undefined ? {} : { threads, threads_source: 'ort.env.wasm.numThreads after start' };
  }

  /** Whether the backend is in use. WebGPU: the runtime holds a device. WebNN: it runs a node there. */
  private async backend({ delegates = [] }: Proof): Promise<string> {
    if (this.job.backend === 'webgpu') {
      const device = (await this.ort.env.webgpu.device) as GPUDevice | undefined;
      return device === undefined ? 'wasm' : 'webgpu';
    }
    return delegates.some(({ name }) => /webnn/i.test(name)) ? 'webnn' : 'wasm';
  }

  /**
   * Finds the nodes on the CPU. With WebGPU and WebNN, nodes may silently stay there. Only the verbose log shows it,
   * and that would slow down every prediction, so a second session of the same model is created after the last
   * prediction.
   */
  private async placement(): Promise<Proof> {
    const placement = new Placement();
    const verbose = { ...sessionOptions(this.job), logSeverityLevel: 0, logVerbosityLevel: 0 } as const;
    await listening(
      (line) => {
        placement.read(line);
      },
      async () => {
        await release(await this.create(verbose));
      },
    );
    return placement.proof();
  }
}

class OrtSession implements Session {
  constructor(
    private readonly ort: Framework,
    private readonly session: Ort.InferenceSession,
    private readonly job: Job,
  ) {}

  profiler(): Profiler {
    if (this.job.backend === 'webgl') {
      throw new Unsupported('The profiler of ONNX Runtime Web does not work with its WebGL backend.');
    }
    return new OrtProfiler(this.session);
  }

  async predict(inputs: ReadonlyMap<string, Values>): Promise<ReadonlyMap<string, Output>> {
    const feeds: Record<string, Ort.Tensor> = {};
    for (const { format_name: name, dtype, shape } of this.job.model.inputs) {
      const values = inputs.get(name);
      if (values !== undefined) feeds[name] = new this.ort.Tensor(dtype, values, shape);
    }
    const answer = await this.session.run(feeds);
    const outputs = new Map<string, Output>();
    for (const { format_name: name } of this.job.model.outputs) {
      const tensor = answer[name] as (Omit<Ort.Tensor, 'dispose'> & { dispose?: () => void }) | undefined;
      if (tensor === undefined) throw new Error(`The model has no output ${name}.`);
      outputs.set(name, { shape: tensor.dims, values: tensor.data as Float32Array });
      tensor.dispose?.();
    }
    return outputs;
  }
}
