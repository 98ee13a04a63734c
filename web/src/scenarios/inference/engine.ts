// One engine with one model in this thread: prepared once, then inferring at a duty. The same in a page and in a worker.
import { provide, setBase } from '../../core/downloads';
import { failureOf } from '../../core/fault';
import { GpuWatch, isGpuApi } from '../../core/gpu';
import { fillInput, summaries } from '../../core/inputs';
import { browserProof, WasmWatch, WorkerWatch } from '../../core/proof';
import { Setup, timed } from '../../core/stages';
import { Unsupported, type InjectedAnswer, type InjectedJob, type Job, type Values } from '../../core/types';
import type { Engine, EngineAdapter, Output, Session } from '../../engines/engine';
import { litertjs } from '../../engines/litertjs';
import { ortjs } from '../../engines/ortjs';
import { tfjs } from '../../engines/tfjs';
import { inferAt, ThreadWaiting } from './duty';

export type Files = ReadonlyMap<string, ArrayBuffer>;

const ENGINES: Record<string, EngineAdapter> = { tfjs, ortjs, litertjs };
const SCHEMA = 'mobilebench/injected/1';
/** An address that no file has: engines get everything from memory. */
const NOWHERE = 'https://mobilebench.invalid/';
const LOSS_PATIENCE_MS = 500;

export function adapterOf({ engine }: Job): EngineAdapter {
  const adapter = ENGINES[engine.split('@', 1)[0] ?? ''];
  if (adapter === undefined) throw new Error(`This script has no engine ${engine}.`);
  return adapter;
}

/** Returns the names of the engine's files that `prepare` needs. */
export function filesOf(job: Job): string[] {
  const { script, modules, binaries } = adapterOf(job).framework(job);
  return [script, ...modules, ...binaries];
}

/** The engine and its model, and what they measured. Every method answers, and never throws. */
export class Inference {
  private readonly wasm = new WasmWatch();
  private readonly workers = new WorkerWatch();
  private readonly gpu = new GpuWatch();
  private readonly setup = new Setup();
  private readonly starts: number[] = [];
  private readonly durations: number[] = [];
  private readonly waiting = new ThreadWaiting();
  private loop: Promise<void> = Promise.resolve();
  private failed: Error | undefined;
  private warmup: { start: number; ms: number } | undefined;
  private engine: Engine | undefined;
  private session: Session | undefined;
  private inputs: ReadonlyMap<string, Values> = new Map();
  private last: ReadonlyMap<string, Output> | undefined;
  private first: ReadonlyMap<string, Output> | undefined;
  private readonly browser = browserProof();

  constructor(private readonly asked: InjectedJob) {}

  /** Starts the engine, loads the model and infers once. */
  async prepare(files: Files): Promise<InjectedAnswer> {
    await this.caught(async () => {
      const { job } = this.asked;
      const adapter = adapterOf(job);
      const { script, modules } = adapter.framework(job);
      tellCores(this.asked.cores);
      setBase(NOWHERE);
      provide(new Map([script, ...modules].map((name) => [name, scriptUrl(files, name)])));
      const engine = await this.setup.part('framework_init', () =>
        adapter.start(job, scriptUrl(files, script), files, this.gpu),
      );
      this.engine = engine;
      this.session = await this.setup.part('model_init', () => engine.load(files));
      this.inputs = new Map(job.model.inputs.map((input) => [input.format_name, fillInput(input)]));
      const start = performance.now();
      const { ms, value } = await timed(async () => this.session?.predict(this.inputs, () => undefined));
      this.warmup = { start, ms };
      this.first = value;
      this.last = value;
    });
    return this.answer();
  }

  /** Begins to infer at `share` of the time, and returns at once. A share of 0 infers nothing. */
  begin(share: number): void {
    if (share <= 0 || this.failed !== undefined) return;
    const { session } = this;
    if (session === undefined) return;
    const predict = async () => {
      this.last = await this.guarded(Promise.resolve(session.predict(this.inputs, () => undefined)));
    };
    const ended = (start: number, ms: number) => {
      this.starts.push(start);
      this.durations.push(ms);
    };
    const hidden = () => typeof document !== 'undefined' && document.hidden;
    this.loop = inferAt(share, predict, this.waiting, ended, hidden).catch((error: unknown) => {
      this.failed ??= asError(error);
    });
  }

  /** One inference on these values of the only input: all outputs, one after the other; undefined if it fails. */
  infer(values: Float32Array<ArrayBuffer>): Promise<Float32Array<ArrayBuffer> | undefined> {
    return this.caught(async () => {
      const { inputs, outputs } = this.asked.job.model;
      const [input] = inputs;
      if (this.session === undefined || input === undefined) throw new Error('No model was prepared.');
      const found = await this.session.predict(new Map([[input.format_name, values]]), () => undefined);
      return concatenated(outputs.map((one) => found.get(one.format_name)?.values ?? []));
    });
  }

  /** How many inferences have ended. */
  get count(): number {
    return this.durations.length;
  }

  get hasFailed(): boolean {
    return this.failed !== undefined;
  }

  /** Ends the inferring, and returns everything that was measured, with its proof. */
  async finish(): Promise<InjectedAnswer> {
    this.waiting.stop();
    await this.loop;
    return this.answer();
  }

  private async answer(): Promise<InjectedAnswer> {
    const proof = await this.caught(async () => {
      if (isGpuApi(this.asked.job.backend)) await this.gpu.loss.settled(0);
      const { reason } = this.gpu.loss;
      if (reason !== undefined && isGpuApi(this.asked.job.backend)) throw new Error(`The GPU's work is lost: ${reason}.`);
      const of = (await this.engine?.proof(this.workers.started)) ?? {};
      return {
        ...this.browser,
        ...of,
        files: await this.wasm.files(),
        environment: { ...of.environment, workers_started: String(this.workers.started) },
      };
    });
    const { job, place } = this.asked;
    const values = job.answer === 'first' ? this.first : this.last;
    const output = values === undefined ? [] : await this.caught(() => Promise.resolve(summaries(job, values)));
    return {
      schema: SCHEMA,
      ...this.outcome(),
      engine: job.engine,
      place,
      ...(this.engine !== undefined && { version: this.engine.version }),
      proof: proof ?? this.browser,
      setup_ms: this.setup.ms,
      time_origin_ms: performance.timeOrigin,
      ...(this.warmup !== undefined && { warmup_start_ms: this.warmup.start, warmup_ms: this.warmup.ms }),
      inference_start_ms: this.starts.map(rounded),
      inference_ms: this.durations.map(rounded),
      output: output ?? [],
    };
  }

  private outcome(): Pick<InjectedAnswer, 'status' | 'reason' | 'fault'> {
    if (this.failed === undefined) return { status: 'ok' };
    const failure = failureOf(this.failed, { lost: isGpuApi(this.asked.job.backend) ? this.gpu.loss.reason : undefined });
    const refused = this.failed instanceof Unsupported || adapterOf(this.asked.job).isUnsupported(this.failed);
    return { status: refused && failure.fault === undefined ? 'unsupported' : 'error', ...failure };
  }

  private guarded<T>(work: Promise<T>): Promise<T> {
    const watched = this.workers.guard(work);
    return isGpuApi(this.asked.job.backend) ? this.gpu.loss.guard(watched) : watched;
  }

  /** The result of `work`; undefined if it fails, which is then the failure of the whole. */
  private async caught<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await this.guarded(work());
    } catch (thrown) {
      if (isGpuApi(this.asked.job.backend)) await this.gpu.loss.settled(LOSS_PATIENCE_MS);
      this.failed ??= asError(thrown);
      return undefined;
    }
  }
}

/** Engines start as many threads as the browser's number of cores allows. */
function tellCores(cores: number | null): void {
  if (cores === null) return;
  Object.defineProperty(Object.getPrototypeOf(navigator), 'hardwareConcurrency', { get: () => cores, configurable: true });
}

function concatenated(parts: readonly ArrayLike<number>[]): Float32Array<ArrayBuffer> {
  const whole = new Float32Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/** Clocks in browsers have steps of 5 µs or more. */
function rounded(ms: number): number {
  return Math.round(ms * 1e4) / 1e4;
}

function scriptUrl(files: Files, name: string): string {
  const bytes = files.get(name);
  if (bytes === undefined) throw new Error(`The file ${name} did not come with the job.`);
  return URL.createObjectURL(new Blob([bytes], { type: 'text/javascript' }));
}
