// TensorFlow.js on its WebAssembly, WebGL, WebGPU and plain JavaScript backends.
import type * as TfjsWasm from '../../frameworks/tfjs/wasm';
import type * as TfjsWebgl from '../../frameworks/tfjs/webgl';
import type { GraphModel } from '@tensorflow/tfjs-converter';
import type { io, NamedTensorMap, Tensor } from '@tensorflow/tfjs-core';
import { listening } from '../core/console';
import { address } from '../core/downloads';
import { Unsupported, type InputJob, type Job, type Proof, type Values } from '../core/types';
import {
  releaseFolder,
  type Engine,
  type EngineAdapter,
  type EngineMemory,
  type FrameworkFiles,
  type Held,
  type Output,
  type Profiler,
  type Session,
} from './engine';
import { allocations, TfjsProfiler } from './tfjs-profiler';

type Framework = Pick<
  typeof TfjsWebgl,
  'tensor' | 'loadGraphModel' | 'io' | 'version_core' | 'getBackend' | 'memory' | 'setBackend' | 'ready' | 'env' | 'profile' | 'engine' | 'backend'
>;

const BINARIES = {
  plain: 'tfjs-backend-wasm.wasm',
  simd: 'tfjs-backend-wasm-simd.wasm',
  'simd-threads': 'tfjs-backend-wasm-threaded-simd.wasm',
} as const;

type WasmBuild = keyof typeof BINARIES;

/** Name of a backend here to the framework's name. */
const BACKENDS: Record<string, string> = { wasm: 'wasm', webgl: 'webgl', webgpu: 'webgpu', js: 'cpu' };

export const tfjs: EngineAdapter = {
  framework(job: Job): FrameworkFiles {
    if (!(job.backend in BACKENDS)) throw new Unsupported(`TensorFlow.js has no backend ${job.backend} here.`);
    const folder = releaseFolder(job);
    const binaries = job.backend === 'wasm' ? [`${folder}/${BINARIES[wasmBuild(job)]}`] : [];
    return { script: `${folder}/${job.backend}.js`, modules: [], binaries };
  },

  async start(job, script, binaries, gpu) {
    switch (job.backend) {
      case 'wasm':
        return startWasm(job, script, binaries);
      case 'webgl':
        return startWebgl(job, script, () => gpu.webgl());
      case 'webgpu':
        if (!('gpu' in navigator)) throw new Unsupported('This browser has no WebGPU (navigator.gpu is missing).');
        return startOther(job, script, () => gpu.webgpu());
      default:
        return startOther(job, script, (workers) => ({
          threads: 1 + workers,
          threads_source: "workers started, and the page's own thread",
        }));
    }
  },

  isUnsupported(error) {
    return /Kernel '.*' not registered|Unknown op|not supported|is not implemented|texture size .* greater than/i.test(
      error.message,
    );
  },
};

function wasmBuild(job: Job): WasmBuild {
  if (job.wasm_build !== null && job.wasm_build in BINARIES) return job.wasm_build as WasmBuild;
  throw new Unsupported(`TensorFlow.js has no wasm build ${job.wasm_build ?? ''}.`);
}

async function startWasm(job: Job, script: string, binaries: ReadonlyMap<string, ArrayBuffer>): Promise<Engine> {
  const tf = (await import(/* @vite-ignore */ script)) as typeof TfjsWasm;
  const build = wasmBuild(job);
  const environment = tf.env();
  if (build !== 'plain' && !(await environment.getAsync('WASM_HAS_SIMD_SUPPORT'))) {
    throw new Unsupported('This browser has no WebAssembly SIMD.');
  }
  if (build === 'simd-threads' && !(await environment.getAsync('WASM_HAS_MULTITHREAD_SUPPORT'))) {
    throw new Unsupported('This page has no WebAssembly threads (SharedArrayBuffer needs an isolated page).');
  }
  environment.set('WASM_HAS_SIMD_SUPPORT', build !== 'plain');
  environment.set('WASM_HAS_MULTITHREAD_SUPPORT', build === 'simd-threads');
  tf.setThreadsCount(job.threads);
  tf.setWasmPaths(address(`${releaseFolder(job)}/`), job.loader !== 'as-shipped');
  // The framework fetches its binary by itself. Downloaded files are answered from memory; any other request goes to
  // the server, whose log then shows it.
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

async function startWebgl(job: Job, script: string, renderer: () => Proof): Promise<Engine> {
  const tf = (await import(/* @vite-ignore */ script)) as Framework;
  await startBackend(tf, 'webgl');
  return new TfjsEngine(tf, job, () => ({
    ...renderer(),
    environment: {
      webgl_version: String(tf.env().getNumber('WEBGL_VERSION')),
      webgl_float32: String(tf.env().getBool('WEBGL_RENDER_FLOAT32_ENABLED')),
    },
  }));
}

async function startOther(job: Job, script: string, proof: (workers: number) => Proof): Promise<Engine> {
  const tf = (await import(/* @vite-ignore */ script)) as Framework;
  await startBackend(tf, BACKENDS[job.backend] ?? job.backend);
  return new TfjsEngine(tf, job, proof);
}

/** Starts a backend. The framework only logs the reason when one does not start. */
async function startBackend(tf: Framework, name: string): Promise<void> {
  const lines: string[] = [];
  const started = await listening(
    (line) => lines.push(line),
    () => tf.setBackend(name),
  );
  if (!started) {
    if (name === 'webgpu' && (await navigator.gpu.requestAdapter()) === null) {
      throw new Unsupported('TensorFlow.js found no WebGPU adapter.');
    }
    // Some browsers begin with the position of the error, an address of this page, which is left out.
    const words = lines.flatMap((line) => line.split('\n')).findLast((line) => /\w+Error: /.test(line));
    throw new Unsupported(`TensorFlow.js could not start its backend ${name}${words ? `: ${words}` : ''}.`);
  }
  await tf.ready();
}

/** The framework's own memory counts; those of the GPU only where it has one. */
interface MemoryInfo {
  numBytes: number;
  numTensors: number;
  numBytesInGPU?: number;
}

class TfjsEngine implements Engine {
  readonly version: string;

  constructor(
    private readonly tf: Framework,
    private readonly job: Job,
    private readonly backendProof: (workers: number) => Proof,
  ) {
    this.version = tf.version_core;
  }

  async load(files: ReadonlyMap<string, ArrayBuffer>): Promise<Session> {
    const { file, parts } = this.job.model;
    const json = JSON.parse(new TextDecoder().decode(bytesOf(files, file))) as io.ModelJSON;
    const artifacts = await this.tf.io.getModelArtifactsForJSON(json, (groups) => {
      const specs = groups.flatMap((group) => group.weights);
      const shards = groups.flatMap((group) => group.paths.map((path) => bytesOf(files, parts[path] ?? path)));
      return Promise.resolve([specs, this.job.engine === 'tfjs' ? shards : joined(shards)]);
    });
    const model = await this.tf.loadGraphModel({ load: () => Promise.resolve(artifacts) });
    return new TfjsSession(this.tf, model, this.job);
  }

  async loadFrom(url: string): Promise<() => Promise<Session>> {
    const model = await this.tf.loadGraphModel(url);
    return () => Promise.resolve(new TfjsSession(this.tf, model, this.job));
  }

  proof(workers: number): Promise<Proof> {
    const proof = this.backendProof(workers);
    const name = this.tf.getBackend();
    const backend = Object.keys(BACKENDS).find((ours) => BACKENDS[ours] === name) ?? name;
    const tensors = { tensors_alive: String(this.tf.memory().numTensors) };
    return Promise.resolve({ ...proof, backend, environment: { ...proof.environment, ...tensors } });
  }

  memory(): EngineMemory {
    const { numBytes, numTensors, numBytesInGPU } = this.tf.memory() as MemoryInfo;
    return {
      tf_bytes: numBytes,
      tf_tensors: numTensors,
      ...(numBytesInGPU !== undefined && { tf_gpu_bytes: numBytesInGPU }),
    };
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

  /**
   * Reads the outputs synchronously, so that the time ends when the values are there, without a timer in between.
   * WebGPU can only read asynchronously.
   */
  predict(inputs: ReadonlyMap<string, Values>, returned: () => void) {
    const feeds: NamedTensorMap = {};
    for (const input of this.job.model.inputs) feeds[input.format_name] = this.tensor(input, inputs);
    const answer = this.model.execute(feeds, this.outputNames);
    returned();
    const tensors = this.outputNames.map((name, i) => {
      const tensor = Array.isArray(answer) ? answer[i] : i === 0 ? answer : undefined;
      if (tensor === undefined) throw new Error(`The model has no output ${name}.`);
      return tensor;
    });
    if (this.job.backend === 'webgpu') return this.readLater(tensors, feeds);
    const values = tensors.map((tensor) => tensor.dataSync());
    return this.outputs(tensors, values, feeds);
  }

  /** Uses the GPU's own timers where the browser has them. */
  profiler(): Profiler {
    const onGpu = this.job.backend === 'webgl' || this.job.backend === 'webgpu';
    return new TfjsProfiler(this.tf, onGpu && this.tf.backend().timerAvailable() ? 'gpu' : 'cpu');
  }

  allocations<T>(predict: () => T | Promise<T>, held: () => Held) {
    return allocations(this.tf, predict, held);
  }

  private async readLater(tensors: readonly Tensor[], feeds: NamedTensorMap) {
    const values = await Promise.all(tensors.map((tensor) => tensor.data()));
    return this.outputs(tensors, values, feeds);
  }

  private outputs(
    tensors: readonly Tensor[],
    values: readonly ArrayLike<number>[],
    feeds: NamedTensorMap,
  ): ReadonlyMap<string, Output> {
    const outputs = new Map<string, Output>();
    tensors.forEach((tensor, i) => {
      outputs.set(this.outputNames[i] ?? '', { shape: tensor.shape, values: values[i] ?? [] });
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

/** Joins the weights, because older releases accept only one piece. */
function joined(shards: readonly ArrayBuffer[]): ArrayBuffer {
  const [only] = shards;
  if (only !== undefined && shards.length === 1) return only;
  const whole = new Uint8Array(shards.reduce((size, shard) => size + shard.byteLength, 0));
  let at = 0;
  for (const shard of shards) {
    whole.set(new Uint8Array(shard), at);
    at += shard.byteLength;
  }
  return whole.buffer;
}

function bytesOf(files: ReadonlyMap<string, ArrayBuffer>, name: string): ArrayBuffer {
  const bytes = files.get(name);
  if (bytes === undefined) throw new Error(`The model names a file that it does not have: ${name}.`);
  return bytes;
}
