// The bench page: `mobilebench.run(job)` measures one block and answers with a measurement, as JSON text.
import './console';
import { address, downloadAll, downloadModule } from './downloads';
import type { EngineAdapter, Output } from './engines/engine';
import { litertjs } from './engines/litertjs';
import { ortjs } from './engines/ortjs';
import { tfjs } from './engines/tfjs';
import { fillInput, summarise } from './inputs';
import { browserProof, VisibilityWatch, WasmWatch, WorkerWatch } from './proof';
import { Unsupported, type Job, type Measurement, type OutputSummary } from './records';
import { predictUntil, Setup, timed } from './stages';

const ENGINES: Record<Job['engine'], EngineAdapter> = { tfjs, ortjs, litertjs };

const visibility = new VisibilityWatch();
const wasm = new WasmWatch();
const workers = new WorkerWatch();

async function measure(job: Job): Promise<Measurement> {
  const adapter = ENGINES[job.engine];
  const browser = browserProof();
  const inputs = new Map(job.model.inputs.map((input) => [input.format_name, fillInput(input)]));
  const setup = new Setup();

  const files = adapter.framework(job);
  const binaries = await setup.part('framework_download', async () => {
    const [downloaded] = await Promise.all([
      downloadAll(files.binaries),
      ...[files.script, ...files.modules].map(downloadModule),
    ]);
    return downloaded;
  });
  const engine = await setup.part('framework_init', () => adapter.start(job, address(files.script), binaries));
  const model = await setup.part('model_download', () =>
    downloadAll([job.model.file, ...Object.values(job.model.parts)]),
  );
  const session = await setup.part('model_init', () => engine.load(model));

  const warmup = await timed(() => session.predict(inputs));
  const prediction = await predictUntil(job.rule, () => session.predict(inputs));

  const engineProof = await engine.proof();
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
      environment: { ...engineProof.environment, workers_started: String(workers.started) },
    },
    setup_ms: setup.ms,
    warmup_ms: [warmup.ms],
    prediction_ms: prediction.ms,
    output: summaries(job, prediction.last),
  };
}

function summaries(job: Job, outputs: ReadonlyMap<string, Output>): OutputSummary[] {
  return job.model.outputs.map(({ name, format_name }) => {
    const output = outputs.get(format_name);
    if (output === undefined) throw new Error(`The engine gave no output ${format_name}.`);
    return summarise(name, output.shape, output.values, job.samples);
  });
}

/** Measures one block. Whatever goes wrong is told in the answer's `status` and `reason`. */
async function run(job: Job): Promise<string> {
  try {
    return JSON.stringify(await workers.guard(measure(job)));
  } catch (thrown) {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    const unsupported = error instanceof Unsupported || ENGINES[job.engine].isUnsupported(error);
    const answer: Measurement = {
      schema: 'mobilebench/measurement/1',
      status: unsupported ? 'unsupported' : 'error',
      reason: error.message,
      engine: job.engine,
      proof: {},
      setup_ms: {},
      warmup_ms: [],
      prediction_ms: [],
      output: [],
    };
    return JSON.stringify(answer);
  }
}

Object.assign(globalThis, { mobilebench: { run } });
