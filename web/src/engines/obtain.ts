// The two ways in which a page obtains framework and model. Downloads take turns; waiting for the turn is not measured.
import { address, downloadAll, downloadModule } from '../core/downloads';
import type { Engine, EngineAdapter, GpuProof, Session } from './engine';
import { inTurn } from '../core/network';
import type { Job } from '../core/types';
import type { Setup } from '../core/stages';

export interface Obtained {
  engine: Engine;
  session: Session;
}

/** Called with the name of a stage that has just ended, and awaited outside of all measured times. */
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

/** Fetches everything before starting it, so that each part has a time of its own. */
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

/** Lets the framework fetch and start what it needs, as on an ordinary page. Only the total is timed. */
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
