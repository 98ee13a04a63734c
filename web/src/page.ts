// The bench page: `mobilebench.run(job)` measures one block and answers with a measurement, as JSON text.
import './core/console';
import { byStage, CompilationWatch } from './recorders/compilation';
import type { EngineAdapter } from './engines/engine';
import { litertjs } from './engines/litertjs';
import { ortjs } from './engines/ortjs';
import { tfjs } from './engines/tfjs';
import { failureOf } from './core/fault';
import { GpuWatch, isGpuApi, preferenceOf, rendererFor, whyNotHonoured, type GpuApi } from './core/gpu';
import { fillInput, summaries } from './core/inputs';
import { NetworkWatch } from './core/network';
import { obtain, type Ended } from './engines/obtain';
import { browserProof, FocusWatch, VisibilityWatch, WasmWatch, WorkerWatch } from './core/proof';
import { recorderFor } from './recorders/registry';
import { Steps } from './core/steps';
import { Unsupported, type Job, type Measurement, type Proof } from './core/types';
import { RefusalWatch } from './core/refusal';
import { predictUntil, Readback, Setup } from './core/stages';

const ENGINES: Record<string, EngineAdapter> = { tfjs, ortjs, litertjs };

/** How long after a failure the browser may still report a lost GPU. */
const LOSS_PATIENCE_MS = 500;

const visibility = new VisibilityWatch();
const focus = new FocusWatch();
const wasm = new WasmWatch();
const workers = new WorkerWatch();
const gpu = new GpuWatch();
const refusal = new RefusalWatch();
const compilation = new CompilationWatch();
const steps = new Steps();

/** Called when a stage has ended. The page waits for it. */
type Stop = (stage: string) => Promise<void>;

async function measure(job: Job, stop: Stop): Promise<Measurement> {
  const adapter = adapterOf(job);
  if (adapter === undefined) throw new Error(`This page has no engine ${job.engine}.`);
  const browser = browserProof();
  const inputs = new Map(job.model.inputs.map((input) => [input.format_name, fillInput(input)]));
  const setup = new Setup();
  const watching = recorderFor(job, setup);
  const ended: Ended = async (stage, engine) => {
    await watching.ended(stage, engine);
    if (watching.stopsAfter(stage)) await stop(stage);
  };
  gpu.preference = preferenceOf(job.gpu);

  await ended('process_start');
  const network = new NetworkWatch();
  const { engine, session } = await obtain(job, adapter, setup, gpu, ended);
  watching.loaded(session);
  const downloads = network.downloads(setup.end);
  const inSetup = compilation.take();

  const warmup = await watching.first(() => session.predict(inputs, () => undefined));
  const inWarmup = compilation.take();
  await ended('warmup', engine);
  const readback = new Readback();
  const prediction = await predictUntil(
    job.rule,
    () => session.predict(inputs, readback.returned),
    undefined,
    readback.ended,
    (predict, clock) => watching.later(predict, clock),
  );
  const inPrediction = compilation.take();
  await ended('prediction', engine);
  const watched = await watching.finish();

  const notes = await demandNoLoss(job);
  const engineProof = await engine.proof(workers.started);
  await demandPreference(job, engineProof);
  return {
    schema: 'mobilebench/measurement/1',
    status: 'ok',
    engine: job.engine,
    version: engine.version,
    proof: {
      ...browser,
      ...engineProof,
      files: await wasm.files(),
      visible: visibility.throughout,
      focused: focus.throughout,
      downloads,
      notes: [...(engineProof.notes ?? []), ...notes],
      environment: { ...engineProof.environment, workers_started: String(workers.started) },
    },
    setup_ms: setup.ms,
    warmup_ms: [warmup.ms],
    prediction_ms: prediction.ms,
    readback_ms: readback.ms,
    compilation: byStage({ setup: inSetup, warmup: inWarmup, prediction: inPrediction }),
    pass: job.pass,
    ...watched,
    output: summaries(job, job.answer === 'first' ? warmup.value : prediction.last),
  };
}

function adapterOf({ engine }: Job): EngineAdapter | undefined {
  return ENGINES[engine.split('@', 1)[0] ?? ''];
}

/**
 * Raises an error when the browser took away the GPU resources that the backend computes with. Engines may create GPU
 * resources that they do not compute with: the loss of those is only noted.
 */
async function demandNoLoss(job: Job): Promise<string[]> {
  await gpu.loss.settled(0);
  const { reason, refusal } = gpu.loss;
  if (!isGpuApi(job.backend)) return reason === undefined ? [] : [`${reason}; this backend computes nothing there`];
  if (reason !== undefined) throw new Error(`The GPU's work is lost: ${reason}.`);
  if (refusal !== undefined) throw new Error(`The GPU ran out of memory: ${refusal}`);
  return [];
}

/**
 * Raises `Unsupported` when the power preference was not followed. A browser may ignore it, so it counts as followed
 * only where the two preferences give different GPUs.
 */
async function demandPreference(job: Job, { renderer }: Proof): Promise<void> {
  const wanted = preferenceOf(job.gpu);
  if (wanted === undefined) return;
  gpu.preference = undefined;
  gpu.loss.end();
  const api = job.backend as GpuApi;
  const given = {
    'low-power': await rendererFor(api, 'low-power'),
    'high-performance': await rendererFor(api, 'high-performance'),
  };
  const reason = whyNotHonoured(wanted, renderer, given);
  if (reason !== undefined) throw new Unsupported(reason);
}

/** Measures, and puts any error into the answer's `status` and `reason`. */
async function measured(job: Job, stop: Stop): Promise<string> {
  const onGpu = isGpuApi(job.backend);
  const work = refusal.guard(workers.guard(measure(job, stop)));
  try {
    return JSON.stringify(await (onGpu ? gpu.loss.guard(work) : work));
  } catch (thrown) {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    if (onGpu) await gpu.loss.settled(LOSS_PATIENCE_MS);
    const lost = onGpu ? gpu.loss.reason : undefined;
    refusal.askAfter(error);
    const failure = failureOf(error, { lost, refused: refusal.ofHeap });
    const refused = error instanceof Unsupported || Boolean(adapterOf(job)?.isUnsupported(error));
    const unsupported = refused && failure.fault === undefined;
    const answer: Measurement = {
      schema: 'mobilebench/measurement/1',
      status: unsupported ? 'unsupported' : 'error',
      ...failure,
      engine: job.engine,
    };
    return JSON.stringify(answer);
  }
}

/**
 * Measures one block. With `stepwise` the page stops between stages, and returns the name of the stage that has ended
 * instead of the answer. It goes on when `next` is called.
 */
function run(job: Job, stepwise = false): Promise<string> {
  return stepwise ? steps.begin((stop) => measured(job, stop)) : measured(job, () => Promise.resolve());
}

Object.assign(globalThis, { mobilebench: { run, next: () => steps.next() } });
