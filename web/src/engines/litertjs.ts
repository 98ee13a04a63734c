// LiteRT.js on its WebAssembly and WebGPU backends.
import type * as LiteRt from '../../frameworks/litertjs/litert';
import type { CompiledModel, CompileOptions, SignatureRunner, Tensor } from '@litertjs/core';
import { listening } from '../core/console';
import { address, download } from '../core/downloads';
import { Unsupported, type Job, type Proof, type Values } from '../core/types';
import { releaseFolder, type Engine, type EngineAdapter, type FrameworkFiles, type GpuProof, type Output, type Session } from './engine';
import { Accelerated, errorsIn } from './litertlog';
import { PthreadWatch } from './pthreads';
import { formatNames, readSignature } from './signature';

const FEATURES = { relaxedSimd: 'WebAssembly relaxed SIMD', threads: 'WebAssembly threads', jspi: 'WebAssembly JSPI' };

interface Build {
  name: string;
  /** The features that the browser needs, under the framework's names. */
  needs: readonly (keyof typeof FEATURES)[];
}

const WASM_BUILDS: Record<string, Build> = {
  simd: { name: 'litert_wasm_compat_internal', needs: [] },
  'relaxed-simd': { name: 'litert_wasm_internal', needs: ['relaxedSimd'] },
  'relaxed-simd-threads': { name: 'litert_wasm_threaded_internal', needs: ['relaxedSimd', 'threads'] },
};
/** Other builds fail when a model has operators that stay on the CPU. */
const WEBGPU_BUILD: Build = { name: 'litert_wasm_jspi_internal', needs: ['relaxedSimd', 'jspi'] };

export const litertjs: EngineAdapter = {
  framework(job: Job): FrameworkFiles {
    const { name } = buildOf(job);
    const folder = releaseFolder(job);
    return { script: `${folder}/litert.js`, modules: [], binaries: ['js', 'wasm'].map((kind) => `${folder}/${name}.${kind}`) };
  },

  async start(job, script, binaries, gpu) {
    const { name, needs } = buildOf(job);
    const folder = releaseFolder(job);
    const litert = (await import(/* @vite-ignore */ script)) as typeof LiteRt;
    for (const feature of needs) {
      if (!(await litert.supportsFeature(feature))) throw new Unsupported(`This page has no ${FEATURES[feature]}.`);
    }
    const pthreads = new PthreadWatch();
    // The glue code is a classic script, which the framework adds to the page and which starts workers from itself.
    // Both get the downloaded code, under an address with the ending that the framework expects.
    const code = binaries.get(`${folder}/${name}.js`);
    const wasmBinary = binaries.get(`${folder}/${name}.wasm`);
    const glue = code
      ? URL.createObjectURL(new Blob([code], { type: 'text/javascript' }))
      : address(`${folder}/${name}.js`);
    Object.assign(globalThis, {
      Module: {
        ...(wasmBinary && { wasmBinary }),
        mainScriptUrlOrBlob: glue,
        locateFile: (file: string) => address(`${folder}/${file}`),
      },
    });
    await litert.loadLiteRt(code ? `${glue}#.js` : glue);
    if (job.backend === 'webgpu' && litert.getWebGpuDevice() === null) {
      throw new Unsupported('LiteRT.js found no WebGPU adapter.');
    }
    return new LitertEngine(litert, job, pthreads, gpu);
  },

  isUnsupported(error) {
    return /not (yet )?supported|unresolved custom op/i.test(error.message);
  },
};

function buildOf(job: Job): Build {
  if (job.backend === 'webgpu') return WEBGPU_BUILD;
  const build = job.backend === 'wasm' ? WASM_BUILDS[job.wasm_build ?? ''] : undefined;
  if (build === undefined) throw new Unsupported(`LiteRT.js has no ${job.backend} ${job.wasm_build ?? ''} here.`);
  return build;
}

class LitertEngine implements Engine {
  readonly version: string;
  private readonly accelerated = new Accelerated();
  private model: CompiledModel | undefined;
  /**
   * Threads that were started for the model, besides the page's own. Later ones do not belong to the delegate that
   * computes.
   */
  private threads = 0;

  constructor(
    private readonly litert: typeof LiteRt,
    private readonly job: Job,
    private readonly pthreads: PthreadWatch,
    private readonly gpu: GpuProof,
  ) {
    this.version = litert.version;
  }

  async load(files: ReadonlyMap<string, ArrayBuffer>): Promise<Session> {
    const bytes = bytesOf(files, this.job.model.file);
    const model = await this.compile(new Uint8Array(bytes));
    return this.session(model, bytes);
  }

  async loadFrom(url: string): Promise<() => Promise<Session>> {
    const model = await this.compile(url);
    return async () => this.session(model, await download(this.job.model.file));
  }

  private session(model: CompiledModel, bytes: ArrayBuffer): Session {
    const signature = readSignature(bytes);
    const runner = signature === undefined ? model : model.signatures[signature.key];
    if (runner === undefined) throw new Error(`LiteRT.js does not know the model's signature ${signature?.key ?? ''}.`);
    return new LitertSession(
      this.litert,
      runner,
      this.job,
      formatNames('input', this.job.model.inputs, runner.getInputDetails(), signature?.inputs),
      formatNames('output', this.job.model.outputs, runner.getOutputDetails(), signature?.outputs),
    );
  }

  /** Compiles the model. The framework's errors may contain only source positions; the message is then in its log. */
  private async compile(source: Uint8Array | string): Promise<CompiledModel> {
    const lines: string[] = [];
    const options: CompileOptions = {
      accelerator: this.job.backend === 'webgpu' ? 'webgpu' : 'wasm',
      cpuOptions: { numThreads: this.job.threads },
      gpuOptions: { precision: 'fp32' },
    };
    try {
      this.model = await listening(
        (line) => lines.push(line),
        () => this.litert.loadAndCompile(source, options),
      );
      this.threads = this.pthreads.started;
      return this.model;
    } catch (error) {
      const errors = errorsIn(lines);
      throw errors === undefined ? error : new Error(`LiteRT.js cannot load this model: ${errors}`, { cause: error });
    } finally {
      for (const line of lines) this.accelerated.read(line);
    }
  }

  proof(): Promise<Proof> {
    if (this.model === undefined) return Promise.resolve({});
    const { accelerator } = this.model.options;
    const whole = this.model.isFullyAccelerated;
    const environment = { fully_accelerated: String(whole) };
    if (accelerator !== 'webgpu') {
      const threads_source = "threads started for the model, and the page's own";
      return Promise.resolve({ backend: accelerator, environment, threads: 1 + this.threads, threads_source });
    }
    const gpu = this.gpu.webgpu();
    return Promise.resolve({
      ...gpu,
      ...this.accelerated.proof(whole),
      backend: accelerator,
      environment: { ...gpu.environment, ...environment },
    });
  }
}

class LitertSession implements Session {
  private first = true;

  constructor(
    private readonly litert: typeof LiteRt,
    private readonly runner: SignatureRunner,
    private readonly job: Job,
    private readonly inputNames: ReadonlyMap<string, string>,
    private readonly outputNames: ReadonlyMap<string, string>,
  ) {}

  /**
   * Predicts, and reads the log of the first inference: for a model that it cannot run the framework returns zeros, and
   * only logs the reason.
   */
  async predict(inputs: ReadonlyMap<string, Values>, returned: () => void): Promise<ReadonlyMap<string, Output>> {
    if (!this.first) return this.run(inputs, returned);
    this.first = false;
    const lines: string[] = [];
    const outputs = await listening(
      (line) => lines.push(line),
      () => this.run(inputs, returned),
    );
    const errors = errorsIn(lines);
    if (errors !== undefined) throw new Error(`LiteRT.js cannot run this model: ${errors}`);
    return outputs;
  }

  private async run(inputs: ReadonlyMap<string, Values>, returned: () => void): Promise<ReadonlyMap<string, Output>> {
    const feeds: Record<string, Tensor> = {};
    for (const { format_name, dtype, shape } of this.job.model.inputs) {
      const values = inputs.get(format_name);
      const absent = values === undefined || values instanceof BigInt64Array || values instanceof Int8Array;
      if (absent || dtype === 'bool') {
        throw new Unsupported(`LiteRT.js has no ${dtype} tensors (input ${format_name}).`);
      }
      feeds[this.inputNames.get(format_name) ?? format_name] = new this.litert.Tensor(values, shape);
    }
    const answer = await this.runner.run(feeds);
    returned();
    const outputs = new Map<string, Output>();
    for (const { format_name } of this.job.model.outputs) {
      const tensor = answer[this.outputNames.get(format_name) ?? format_name];
      if (tensor === undefined) throw new Error(`The model has no output ${format_name}.`);
      outputs.set(format_name, { shape: Array.from(tensor.type.layout.dimensions), values: await tensor.data() });
      tensor.delete();
    }
    for (const feed of Object.values(feeds)) feed.delete();
    return outputs;
  }
}

function bytesOf(files: ReadonlyMap<string, ArrayBuffer>, name: string): ArrayBuffer {
  const bytes = files.get(name);
  if (bytes === undefined) throw new Error(`The file ${name} is missing.`);
  return bytes;
}
