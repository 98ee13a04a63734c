// Measures one block in Node, outside of any page: `node node.mjs JOB` reads a job from the file JOB, and prints the
// measurement as JSON text in its last line.
import '../core/console';
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { argv, pid, stdout, versions } from 'node:process';
import { address, setBase } from '../core/downloads';
import { failureOf } from '../core/fault';
import { fillInput, summaries } from '../core/inputs';
import { clockCost, clockResolution, WasmWatch } from '../core/proof';
import { predictUntil, Readback, Setup, timed } from '../core/stages';
import { Unsupported, type Job, type Measurement, type Proof } from '../core/types';
import type { EngineAdapter } from '../engines/engine';
import { ortjs } from '../engines/ortjs';
import { tfjs } from '../engines/tfjs';
import { atWork, threadTimes } from './threads';

const ENGINES: Record<string, EngineAdapter> = { tfjs, ortjs };

const NO_GPU = { webgl: () => ({}), webgpu: () => ({}) };

/** Reads files into memory, each by the name under which the job knows it. */
async function readAll(files: readonly string[]): Promise<Map<string, ArrayBuffer>> {
  const entries = files.map(async (file): Promise<[string, ArrayBuffer]> => {
    const bytes = new Uint8Array(await readFile(new URL(address(file))));
    return [file, bytes.buffer];
  });
  return new Map(await Promise.all(entries));
}

/**
 * Lets TensorFlow.js start here with the script that pages load. In Node it would take parts of the system that the
 * script for pages does not hold; as in a worker of a page it takes none. Its glue code only reads `__dirname`.
 */
function prepareFor(job: Job): void {
  if (job.engine === 'tfjs') Object.assign(globalThis, { WorkerGlobalScope: Object, __dirname: '.' });
}

async function measure(job: Job): Promise<Measurement> {
  const adapter = ENGINES[job.engine];
  if (adapter === undefined) throw new Unsupported(`${job.engine} is not run in Node.`);
  // Node compiles a binary of its own, for HTTP, when it needs this class for the first time.
  await new Response().text();
  const wasm = new WasmWatch();
  const proof = nodeProof();
  const inputs = new Map(job.model.inputs.map((input) => [input.format_name, fillInput(input)]));
  prepareFor(job);
  const own = await threadTimes();
  const setup = new Setup();
  const files = adapter.framework(job);
  const engine = await setup.part('framework_init', async () =>
    adapter.start(job, address(files.script), await readAll(files.binaries), NO_GPU),
  );
  const model = await setup.part('model_read', () => readAll([job.model.file, ...Object.values(job.model.parts)]));
  const session = await setup.part('model_init', () => engine.load(model));
  const warmup = await timed(() => session.predict(inputs, () => undefined));
  const readback = new Readback();
  const before = await threadTimes();
  const prediction = await predictUntil(
    job.rule,
    () => session.predict(inputs, readback.returned),
    undefined,
    readback.ended,
  );
  const after = await threadTimes();
  const engineProof = await engine.proof(0);
  return {
    schema: 'mobilebench/measurement/1',
    status: 'ok',
    engine: job.engine,
    version: engine.version,
    proof: {
      ...proof,
      ...engineProof,
      ...atWork(pid, own, before, after),
      files: await wasm.files(),
      environment: { ...proof.environment, ...engineProof.environment },
    },
    setup_ms: setup.ms,
    warmup_ms: [warmup.ms],
    prediction_ms: prediction.ms,
    readback_ms: readback.ms,
    pass: job.pass,
    output: summaries(job, job.answer === 'first' ? warmup.value : prediction.last),
  };
}

function nodeProof(): Proof {
  const resolution = clockResolution();
  return {
    runs_in: 'main thread',
    hardware_concurrency: availableParallelism(),
    ...(resolution !== undefined && { clock_resolution_ms: resolution }),
    clock_cost_ms: clockCost(),
    environment: { node: versions.node, v8: versions.v8 },
  };
}

async function answer(job: Job): Promise<Measurement> {
  try {
    return await measure(job);
  } catch (thrown) {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    const failure = failureOf(error, {});
    const refused = error instanceof Unsupported || Boolean(ENGINES[job.engine]?.isUnsupported(error));
    const status = refused && failure.fault === undefined ? 'unsupported' : 'error';
    return { schema: 'mobilebench/measurement/1', status, ...failure, engine: job.engine };
  }
}

setBase(import.meta.url);
const job = JSON.parse(await readFile(argv[2] ?? '', 'utf8')) as Job;
const text = JSON.stringify(await answer(job));
// Frameworks may leave timers and threads behind, which would keep the process alive.
stdout.write(`\n${text}\n`, () => {
  process.exit();
});
