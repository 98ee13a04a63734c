// The script that infers inside a foreign page. It runs in a world of its own (an isolated world), which shares the
// page's thread and document, but none of its globals. With `place` worker, it starts itself again in a worker.
//
// A program drives it: `needs`, `put` for every file, `prepare`, `begin`, `progress`, `finish`, `end`; or after `prepare`
// `put` and `watch` for every clip, `finish`, `end`.
import '../../core/console';
import type { InjectedAnswer, InjectedJob, WatchJob } from '../../core/types';
import { AttentionWatch } from './attention';
import { watchClip, type Infer } from './clip';
import { filesOf, Inference, type Files } from './engine';
import { adaptToWorld } from './firefox';
import { runBlobScriptsHere } from './glue';
import { Leftovers } from './leftovers';
import { answerMessages, InWorker } from './worker';

/** Where the engine runs. */
export interface Runner {
  prepare(files: Files): Promise<InjectedAnswer>;
  begin(share: number): Promise<void>;
  progress(): Promise<Progress>;
  /** One inference on these values of the model's only input. */
  infer: Infer;
  finish(): Promise<InjectedAnswer>;
  /** Takes away what it created elsewhere than in this world; returns how much of each there was. */
  end(): Promise<Record<string, number>>;
}

export interface Progress {
  inferences: number;
  failed: boolean;
}

/** The engine on the page's main thread. */
class OnMainThread implements Runner {
  private readonly inference: Inference;

  constructor(job: InjectedJob) {
    runBlobScriptsHere();
    this.inference = new Inference(job);
  }

  prepare(files: Files): Promise<InjectedAnswer> {
    return this.inference.prepare(files);
  }

  begin(share: number): Promise<void> {
    this.inference.begin(share);
    return Promise.resolve();
  }

  progress(): Promise<Progress> {
    return Promise.resolve({ inferences: this.inference.count, failed: this.inference.hasFailed });
  }

  infer: Infer = (values) => this.inference.infer(values);

  finish(): Promise<InjectedAnswer> {
    return this.inference.finish();
  }

  end(): Promise<Record<string, number>> {
    return Promise.resolve({});
  }
}

class Injected {
  private readonly leftovers = new Leftovers();
  private readonly attention = new AttentionWatch();
  private readonly parts = new Map<string, ArrayBuffer[]>();
  private runner: Runner | undefined;

  /** Returns the names of the files that have to be put here besides the model. */
  needs(job: InjectedJob): string[] {
    return filesOf(job.job);
  }

  /** Takes the next part of a file, in base64. */
  put(name: string, base64: string): void {
    const binary = atob(base64);
    const bytes = new Uint8Array(binary.length);
    for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
    this.parts.set(name, [...(this.parts.get(name) ?? []), bytes.buffer]);
  }

  /** Starts the engine with the files that were put here; `script` is the name of this script among them. */
  async prepare(job: InjectedJob, script: string): Promise<string> {
    const files = new Map(Array.from(this.parts, ([name, parts]) => [name, joined(parts)]));
    this.parts.clear();
    this.runner = job.place === 'worker' ? new InWorker(job, files.get(script)) : new OnMainThread(job);
    files.delete(script);
    return this.text(await this.runner.prepare(files));
  }

  async begin(share: number): Promise<void> {
    await this.runner?.begin(share);
  }

  async progress(): Promise<string> {
    this.attention.look();
    return JSON.stringify(await this.runner?.progress());
  }

  /** Shows a clip, whose pixels were put here, and lets the model answer to its frames. */
  async watch(job: WatchJob): Promise<string> {
    const { runner } = this;
    if (runner === undefined) throw new Error('Nothing was prepared that could watch.');
    const pixels = joined(this.parts.get(job.pixels) ?? []);
    this.parts.clear();
    const answer = await watchClip(job, pixels, (values) => runner.infer(values));
    this.attention.look();
    return JSON.stringify(answer);
  }

  async finish(): Promise<string> {
    const answer = await this.runner?.finish();
    return answer === undefined ? '' : this.text(answer);
  }

  /** Takes away everything that this script and its engine created in the page. */
  async end(): Promise<string> {
    this.attention.end();
    const elsewhere = (await this.runner?.end()) ?? {};
    this.runner = undefined;
    const here = this.leftovers.clear();
    return JSON.stringify(Object.fromEntries(Object.entries(here).map(([kind, n]) => [kind, n + (elsewhere[kind] ?? 0)])));
  }

  private text(answer: InjectedAnswer): string {
    this.attention.look();
    return JSON.stringify({ ...answer, states: this.attention.states });
  }
}

function joined(parts: readonly ArrayBuffer[]): ArrayBuffer {
  const [only] = parts;
  if (only !== undefined && parts.length === 1) return only;
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(new Uint8Array(part), at);
    at += part.byteLength;
  }
  return whole.buffer;
}

if (typeof document === 'undefined') answerMessages();
else {
  adaptToWorld();
  Object.assign(globalThis, { mobilebenchInference: new Injected() });
}
