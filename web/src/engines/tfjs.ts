// TensorFlow.js on its WebAssembly and WebGL backends.
import type * as TfjsWasm from '../frameworks/tfjs-wasm';
import type * as TfjsWebgl from '../frameworks/tfjs-webgl';
import type { GraphModel } from '@tensorflow/tfjs-converter';
import type { io, NamedTensorMap } from '@tensorflow/tfjs-core';
import { address } from '../downloads';
import { isSoftwareRenderer } from '../proof';
import { Unsupported, type InputJob, type Job, type Proof, type Values } from '../records';
import type { Engine, EngineAdapter, FrameworkFiles, Output, Session } from './engine';

type Framework = Pick<typeof TfjsWebgl, 'tensor' | 'loadGraphModel' | 'io' | 'version_core' | 'getBackend' | 'memory'>;

const BINARIES = {
  plain: 'tfjs-backend-wasm.wasm',
  simd: 'tfjs-backend-wasm-simd.wasm',
  'simd-threads': 'tfjs-backend-wasm-threaded-simd.wasm',
} as const;

type WasmSetting = keyof typeof BINARIES;

export const tfjs: EngineAdapter = {
  framework(job: Job): FrameworkFiles {
    switch (job.backend) {
      case 'wasm':
        return {
          script: 'frameworks/tfjs-wasm.js',
          modules: [],
          binaries: [`binaries/${BINARIES[wasmSetting(job)]}`],
        };
      case 'webgl':
        return { script: 'frameworks/tfjs-webgl.js', modules: [], binaries: [] };
      default:
        throw new Unsupported(`TensorFlow.js has no backend ${job.backend} here.`);
    }
  },

  async start(job, script, binaries) {
    if (job.backend === 'wasm') return startWasm(job, script, binaries);
    return startWebgl(job, script);
  },

  isUnsupported(error) {
    return /Kernel '.*' not registered|Unknown op|not supported|is not implemented/i.test(error.message);
  },
};

function wasmSetting(job: Job): WasmSetting {
  if (job.setting in BINARIES) return job.setting as WasmSetting;
  throw new Unsupported(`TensorFlow.js has no wasm build ${job.setting}.`);
}

async function startWasm(job: Job, script: string, binaries: ReadonlyMap<string, ArrayBuffer>): Promise<Engine> {
  const tf = (await import(/* @vite-ignore */ script)) as typeof TfjsWasm;
  const setting = wasmSetting(job);
  const environment = tf.env();
  if (setting !== 'plain' && !(await environment.getAsync('WASM_HAS_SIMD_SUPPORT'))) {
    throw new Unsupported('This browser has no WebAssembly SIMD.');
  }
  if (setting === 'simd-threads' && !(await environment.getAsync('WASM_HAS_MULTITHREAD_SUPPORT'))) {
    throw new Unsupported('This page has no WebAssembly threads (SharedArrayBuffer needs an isolated page).');
  }
  environment.set('WASM_HAS_SIMD_SUPPORT', setting !== 'plain');
  environment.set('WASM_HAS_MULTITHREAD_SUPPORT', setting === 'simd-threads');
  tf.setThreadsCount(job.threads);
  tf.setWasmPaths(address('binaries/'), true);
  // The framework fetches its binary by itself: answer from memory what has been downloaded, and let anything
  // else go to the server, whose log then shows it.
  const platform = environment.platform;
  const fetchFromServer = platform.fetch.bind(platform);
  platform.fetch = (url, options) => {
    const binary = [...binaries].find(([file]) => address(file) === url)?.[1];
    return binary ? Promise.resolve(new Response(binary)) : fetchFromServer(url, options);
  };
  await startBackend(tf, 'wasm');
  return new TfjsEngine(tf, job, () => ({
    threads: tf.getThreadsCount(),
    threads_source: 'tf.wasm.getThreadsCount()',
  }));
}

async function startWebgl(job: Job, script: string): Promise<Engine> {
  const tf = (await import(/* @vite-ignore */ script)) as typeof TfjsWebgl;
  await startBackend(tf, 'webgl');
  return new TfjsEngine(tf, job, () => {
    const backend = tf.backend();
    if (!(backend instanceof tf.MathBackendWebGL)) return {};
    const context = backend.getGPGPUContext().gl;
    const names = context.getExtension('WEBGL_debug_renderer_info');
    const renderer: unknown = context.getParameter(names ? names.UNMASKED_RENDERER_WEBGL : context.RENDERER);
    return {
      ...(typeof renderer === 'string' && { renderer, renderer_software: isSoftwareRenderer(renderer) }),
      environment: {
        webgl_version: String(tf.env().getNumber('WEBGL_VERSION')),
        webgl_float32: String(tf.env().getBool('WEBGL_RENDER_FLOAT32_ENABLED')),
      },
    };
  });
}

async function startBackend(tf: Pick<typeof TfjsWebgl, 'setBackend' | 'ready'>, name: string): Promise<void> {
  if (!(await tf.setBackend(name))) throw new Unsupported(`TensorFlow.js could not start its backend ${name}.`);
  await tf.ready();
}

class TfjsEngine implements Engine {
  readonly version: string;

  constructor(
    private readonly tf: Framework,
    private readonly job: Job,
    private readonly backendProof: () => Proof,
  ) {
    this.version = tf.version_core;
  }

  async load(files: ReadonlyMap<string, ArrayBuffer>): Promise<Session> {
    const { file, parts } = this.job.model;
    const json = JSON.parse(new TextDecoder().decode(bytesOf(files, file))) as io.ModelJSON;
    const artifacts = await this.tf.io.getModelArtifactsForJSON(json, (groups) => {
      const specs = groups.flatMap((group) => group.weights);
      const shards = groups.flatMap((group) => group.paths.map((path) => bytesOf(files, parts[path] ?? path)));
      return Promise.resolve([specs, shards]);
    });
    const model = await this.tf.loadGraphModel({ load: () => Promise.resolve(artifacts) });
    return new TfjsSession(this.tf, model, this.job);
  }

  proof(): Promise<Proof> {
    const proof = this.backendProof();
    const tensors = { tensors_alive: String(this.tf.memory().numTensors) };
    return Promise.resolve({
      ...proof,
      backend: this.tf.getBackend(),
      environment: { ...proof.environment, ...tensors },
    });
  }
}

class TfjsSession implements Session {
  private readonly outputNames: string[];

  constructor(
    private readonly tf: Framework,
    private readonly model: GraphModel,
    private readonly job: Job,
  ) {
    this.outputNames = job.model.outputs.map((output) => output.format_name);
  }

  /** Reads back synchronously: the time then ends when the values are here, without a timer in between. */
  predict(inputs: ReadonlyMap<string, Values>): ReadonlyMap<string, Output> {
    const feeds: NamedTensorMap = {};
    for (const input of this.job.model.inputs) feeds[input.format_name] = this.tensor(input, inputs);
    const answer = this.model.execute(feeds, this.outputNames);
    const tensors = Array.isArray(answer) ? answer : [answer];
    const outputs = new Map<string, Output>();
    this.outputNames.forEach((name, i) => {
      const tensor = tensors[i];
      if (tensor === undefined) throw new Error(`The model has no output ${name}.`);
      outputs.set(name, { shape: tensor.shape, values: tensor.dataSync() });
      tensor.dispose();
    });
    for (const feed of Object.values(feeds)) feed.dispose();
    return outputs;
  }

  private tensor(input: InputJob, inputs: ReadonlyMap<string, Values>) {
    const values = inputs.get(input.format_name);
    const { dtype } = input;
    const known = dtype === 'float32' || dtype === 'int32' || dtype === 'bool';
    if (!known || values === undefined || values instanceof BigInt64Array || values instanceof Int8Array) {
      throw new Unsupported(`TensorFlow.js has no ${dtype} tensors (input ${input.name}).`);
    }
    return this.tf.tensor(values, input.shape, dtype);
  }
}

function bytesOf(files: ReadonlyMap<string, ArrayBuffer>, name: string): ArrayBuffer {
  const bytes = files.get(name);
  if (bytes === undefined) throw new Error(`The model names a file that it does not have: ${name}.`);
  return bytes;
}
