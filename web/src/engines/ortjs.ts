// ONNX Runtime Web on its WebAssembly and WebGPU backends.
import type * as Ort from 'onnxruntime-web';
import { listening } from '../console';
import { address } from '../downloads';
import { webgpuRenderer } from '../proof';
import { Unsupported, type Job, type Proof, type Values } from '../records';
import type { Engine, EngineAdapter, FrameworkFiles, Output, Session } from './engine';
import { Placement } from './placement';

type Framework = Pick<typeof Ort, 'env' | 'InferenceSession' | 'Tensor'>;

const BUILDS: Record<string, { script: string; build: string }> = {
  wasm: { script: 'frameworks/ort-wasm.js', build: 'ort-wasm-simd-threaded' },
  webgpu: { script: 'frameworks/ort-webgpu.js', build: 'ort-wasm-simd-threaded.asyncify' },
};

/** An ONNX model of one Identity node: the runtime starts only when it is given some model. */
const IDENTITY_MODEL =
  'CAgSADo3ChAKAXgSAXkiCElkZW50aXR5EgFnWg8KAXgSCgoICAESBAoCCAFiDwoBeRIKCggIARIECgIIAUIECgAQDQ==';

export const ortjs: EngineAdapter = {
  framework(job: Job): FrameworkFiles {
    const { script, build } = buildOf(job);
    return { script, modules: [`binaries/${build}.mjs`], binaries: [`binaries/${build}.wasm`] };
  },

  async start(job, script, binaries) {
    const { build } = buildOf(job);
    if (job.threads > 1 && !crossOriginIsolated) {
      throw new Unsupported('This page has no WebAssembly threads (SharedArrayBuffer needs an isolated page).');
    }
    const ort = (await import(/* @vite-ignore */ script)) as Framework;
    const binary = binaries.get(`binaries/${build}.wasm`);
    ort.env.wasm.numThreads = job.threads;
    ort.env.wasm.wasmPaths = { mjs: address(`binaries/${build}.mjs`) };
    if (binary) ort.env.wasm.wasmBinary = binary;
    const identity = Uint8Array.from(atob(IDENTITY_MODEL), (character) => character.charCodeAt(0));
    const session = await ort.InferenceSession.create(identity, sessionOptions(job));
    await session.release();
    return new OrtEngine(ort, job);
  },

  isUnsupported(error) {
    return /not implemented|not_implemented|not supported|could not find an implementation|no available backend/i.test(error.message);
  },
};

function buildOf(job: Job) {
  const build = BUILDS[job.backend];
  if (build === undefined) throw new Unsupported(`ONNX Runtime Web has no backend ${job.backend} here.`);
  return build;
}

function sessionOptions(job: Job): Ort.InferenceSession.SessionOptions {
  return { executionProviders: [job.backend] };
}

class OrtEngine implements Engine {
  readonly version: string;
  private model = new Uint8Array();
  private weights: Pick<Ort.InferenceSession.SessionOptions, 'externalData'> = {};

  constructor(
    private readonly ort: Framework,
    private readonly job: Job,
  ) {
    this.version = ort.env.versions.web ?? ort.env.versions.common;
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
    const session = await this.ort.InferenceSession.create(this.model, { ...sessionOptions(this.job), ...this.weights });
    return new OrtSession(this.ort, session, this.job);
  }

  async proof(): Promise<Proof> {
    const threads = this.ort.env.wasm.numThreads;
    const device: GPUDevice | undefined = this.job.backend === 'webgpu' ? await this.ort.env.webgpu.device : undefined;
    return {
      backend: device ? 'webgpu' : 'wasm',
      ...(threads !== undefined && { threads, threads_source: 'ort.env.wasm.numThreads after start' }),
      ...(device && { ...webgpuRenderer(device.adapterInfo), ...(await this.placement()) }),
    };
  }

  /**
   * With WebGPU, nodes may silently stay on the CPU. Only the verbose log tells, and it would slow every prediction
   * down: so a second session of the same model is created for it, after the last prediction.
   */
  private async placement(): Promise<Proof> {
    const placement = new Placement();
    const verbose = { ...sessionOptions(this.job), ...this.weights, logSeverityLevel: 0, logVerbosityLevel: 0 } as const;
    await listening(
      (line) => {
        placement.read(line);
      },
      async () => {
        const session = await this.ort.InferenceSession.create(this.model, verbose);
        await session.release();
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

  async predict(inputs: ReadonlyMap<string, Values>): Promise<ReadonlyMap<string, Output>> {
    const feeds: Record<string, Ort.Tensor> = {};
    for (const { format_name: name, dtype, shape } of this.job.model.inputs) {
      const values = inputs.get(name);
      if (values !== undefined) feeds[name] = new this.ort.Tensor(dtype, values, shape);
    }
    const answer = await this.session.run(feeds);
    const outputs = new Map<string, Output>();
    for (const { format_name: name } of this.job.model.outputs) {
      const tensor = answer[name];
      if (tensor === undefined) throw new Error(`The model has no output ${name}.`);
      outputs.set(name, { shape: tensor.dims, values: tensor.data as Float32Array });
      tensor.dispose();
    }
    return outputs;
  }
}
