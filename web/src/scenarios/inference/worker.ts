// The engine in a worker of the page, which the same script starts from an address of a blob.
import type { InjectedAnswer, InjectedJob } from '../../core/types';
import type { Infer } from './clip';
import { Inference, type Files } from './engine';
import type { Progress, Runner } from './inference';
import { Leftovers } from './leftovers';

type Request =
  | { kind: 'prepare'; job: InjectedJob; files: [string, ArrayBuffer][] }
  | { kind: 'begin'; share: number }
  | { kind: 'progress' }
  | { kind: 'infer'; values: Float32Array<ArrayBuffer> }
  | { kind: 'finish' }
  | { kind: 'end' };

interface Answer {
  number: number;
  value: unknown;
}

/** How long a worker may take to clear up before it is ended as it is. */
const CLEARING_PATIENCE_MS = 8000;

/**
 * Chrome ends a worker that waits for work by force, two seconds after it was told, and by a timer of the worker that
 * started it. So that one has to live longer.
 */
const OUTLIVES_MS = 3000;

/** The page's side. */
export class InWorker implements Runner {
  private readonly worker: Worker;
  private readonly waiting = new Map<number, (value: unknown) => void>();
  private fail: (error: Error) => void = () => undefined;
  private readonly failure = new Promise<never>((_, reject) => {
    this.fail = reject;
  });
  private number = 0;

  constructor(
    private readonly job: InjectedJob,
    script: ArrayBuffer | undefined,
  ) {
    if (script === undefined) throw new Error('The script of the worker did not come with the job.');
    this.failure.catch(() => undefined);
    // A classic worker, because LiteRT.js starts its glue code by `importScripts`.
    this.worker = new Worker(URL.createObjectURL(new Blob([script], { type: 'text/javascript' })));
    this.worker.onmessage = ({ data }: MessageEvent<Answer>) => {
      this.waiting.get(data.number)?.(data.value);
      this.waiting.delete(data.number);
    };
    this.worker.onerror = (event) => {
      this.fail(new Error(`The worker failed: ${event.message || 'it could not be started'}`));
    };
  }

  async prepare(files: Files): Promise<InjectedAnswer> {
    const buffers = [...files.values()];
    return this.inPageTime(await this.ask({ kind: 'prepare', job: this.job, files: [...files] }, buffers));
  }

  async begin(share: number): Promise<void> {
    await this.ask({ kind: 'begin', share });
  }

  async progress(): Promise<Progress> {
    return (await this.ask({ kind: 'progress' })) as Progress;
  }

  infer: Infer = async (values) => {
    return (await this.ask({ kind: 'infer', values }, [values.buffer])) as Float32Array | undefined;
  };

  async finish(): Promise<InjectedAnswer> {
    return this.inPageTime(await this.ask({ kind: 'finish' }));
  }

  /** Workers that a worker has started may outlive it, so it ends them itself. */
  async end(): Promise<Record<string, number>> {
    const given = new Promise<Record<string, number>>((resolve) => {
      setTimeout(resolve, CLEARING_PATIENCE_MS, {});
    });
    const cleared = this.ask({ kind: 'end' }) as Promise<Record<string, number>>;
    return Promise.race([cleared, given]).catch(() => ({}));
  }

  private ask(request: Request, transfer: Transferable[] = []): Promise<unknown> {
    const number = this.number++;
    const answered = new Promise((resolve) => this.waiting.set(number, resolve));
    this.worker.postMessage({ number, request }, transfer);
    return Promise.race([answered, this.failure]);
  }

  /** A worker's clock begins later than the page's. */
  private inPageTime(value: unknown): InjectedAnswer {
    const answer = value as InjectedAnswer;
    const shift = (answer.time_origin_ms ?? performance.timeOrigin) - performance.timeOrigin;
    return {
      ...answer,
      time_origin_ms: performance.timeOrigin,
      ...(answer.warmup_start_ms !== undefined && { warmup_start_ms: answer.warmup_start_ms + shift }),
      inference_start_ms: (answer.inference_start_ms ?? []).map((ms) => ms + shift),
    };
  }
}

/** The worker's side: answers the page's requests. */
export function answerMessages(): void {
  const leftovers = new Leftovers();
  let inference: Inference | undefined;
  const cleared = async () => {
    const counts = leftovers.clear();
    if ((counts.workers ?? 0) > 0) await new Promise((resolve) => setTimeout(resolve, OUTLIVES_MS));
    return counts;
  };
  const answer = async (request: Request): Promise<unknown> => {
    switch (request.kind) {
      case 'prepare':
        inference = new Inference(request.job);
        return inference.prepare(new Map(request.files));
      case 'begin':
        inference?.begin(request.share);
        return undefined;
      case 'progress':
        return { inferences: inference?.count ?? 0, failed: inference?.hasFailed ?? false };
      case 'infer':
        return inference?.infer(request.values);
      case 'finish':
        return inference?.finish();
      case 'end':
        return cleared();
    }
  };
  onmessage = ({ data }: MessageEvent<{ number: number; request: Request }>) => {
    void answer(data.request).then((value) => {
      postMessage({ number: data.number, value } satisfies Answer);
    });
  };
}
