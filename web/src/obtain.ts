// The two ways in which a page comes by framework and model. Each download has its turn; waiting for it is not measured.
import { address, downloadAll, downloadModule } from './downloads';
import type { Engine, EngineAdapter, GpuProof, Session } from './engines/engine';
import { inTurn } from './network';
import type { Job } from './records';
import type { Setup } from './stages';

export interface Obtained {
  engine: Engine;
  session: Session;
}

export function obtain(job: Job, adapter: EngineAdapter, setup: Setup, gpu: GpuProof): Promise<Obtained> {
  return job.loader === 'as-shipped' ? asShipped(job, adapter, setup, gpu) : split(job, adapter, setup, gpu);
}

/** Everything is fetched before it is started, so that each part has a time of its own. */
async function split(job: Job, adapter: EngineAdapter, setup: Setup, gpu: GpuProof): Promise<Obtained> {
  const files = adapter.framework(job);
  const binaries = await inTurn(() =>
    setup.part('framework_download', async () => {
      const [downloaded] = await Promise.all([
        downloadAll(files.binaries),
        ...[files.script, ...files.modules].map(downloadModule),
      ]);
      return downloaded;
    }),
  );
  const engine = await setup.part('framework_init', () => adapter.start(job, address(files.script), binaries, gpu));
  const model = await inTurn(() =>
    setup.part('model_download', () => downloadAll([job.model.file, ...Object.values(job.model.parts)])),
  );
  const session = await setup.part('model_init', () => engine.load(model));
  return { engine, session };
}

/** The framework fetches and starts what it needs, as it would in anybody's page: only the whole has a time. */
async function asShipped(job: Job, adapter: EngineAdapter, setup: Setup, gpu: GpuProof): Promise<Obtained> {
  const { script } = adapter.framework(job);
  const { engine, finish } = await inTurn(() =>
    setup.part('as_shipped', async () => {
      const engine = await adapter.start(job, address(script), new Map(), gpu);
      return { engine, finish: await engine.loadFrom(address(job.model.file)) };
    }),
  );
  return { engine, session: await finish() };
}
