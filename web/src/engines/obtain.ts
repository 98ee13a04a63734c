// The two ways in which a page comes by framework and model. Each download has its turn; waiting for it is not measured.
import { address, downloadAll, downloadModule } from '../core/downloads';
import type { Engine, EngineAdapter, GpuProof, Session } from './engine';
import { inTurn } from '../core/network';
import type { Job } from '../core/types';
import type { Setup } from '../core/stages';

export interface Obtained {
  engine: Engine;
  session: Session;
}

/** Is told what has just ended, and waited for; none of it is measured. */
export type Ended = (stage: string, engine?: Engine) => Promise<void>;

export function obtain(
  job: Job,
  adapter: EngineAdapter,
  setup: Setup,
  gpu: GpuProof,
  ended: Ended = () => Promise.resolve(),
): Promise<Obtained> {
  const way = job.loader === 'as-shipped' ? asShipped : split;
  return way(job, adapter, setup, gpu, ended);
}

/** Everything is fetched before it is started, so that each part has a time of its own. */
async function split(
  job: Job,
  adapter: EngineAdapter,
  setup: Setup,
  gpu: GpuProof,
  ended: Ended,
): Promise<Obtained> {
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
  await ended('framework_download');
  const engine = await setup.part('framework_init', () => adapter.start(job, address(files.script), binaries, gpu));
  await ended('framework_init', engine);
  const model = await inTurn(() =>
    setup.part('model_download', () => downloadAll([job.model.file, ...Object.values(job.model.parts)])),
  );
  await ended('model_download', engine);
  const session = await setup.part('model_init', () => engine.load(model));
  await ended('model_init', engine);
  return { engine, session };
}

/** The framework fetches and starts what it needs, as it would in anybody's page: only the whole has a time. */
async function asShipped(
  job: Job,
  adapter: EngineAdapter,
  setup: Setup,
  gpu: GpuProof,
  ended: Ended,
): Promise<Obtained> {
  const { script } = adapter.framework(job);
  const { engine, finish } = await inTurn(() =>
    setup.part('as_shipped', async () => {
      const engine = await adapter.start(job, address(script), new Map(), gpu);
      return { engine, finish: await engine.loadFrom(address(job.model.file)) };
    }),
  );
  const session = await finish();
  await ended('as_shipped', engine);
  return { engine, session };
}
