// The probe: recorded beside the use of any page. Python evaluates this script in the page's document, among globals of
// its own, and calls `mobilebenchProbe` (mobilebench/scenarios/probe.py).
import { inputEvents, longFrames, longTasks, type EntryWatch } from './entries';
import { FrameWatch, tenths } from './frames';
import { InpWatch } from './inp';
import { largestVideo, playing, VideoWatch } from './video-watch';
import type { Begun, InputEvent, LongFrame, Mark, ProbeAnswer, ProbeOptions, Span } from '../core/records.gen';

const MOST_MARKS = 1000;
const INPUTS = ['pointerdown', 'keydown', 'wheel'] as const;

/** Everything that is watched between the begin and the end of a measurement. */
interface Watches {
  began: number;
  frames: FrameWatch;
  tasks: EntryWatch<Span>;
  long: EntryWatch<LongFrame>;
  events: EntryWatch<InputEvent>;
  video: VideoWatch | undefined;
}

export class Probe {
  private readonly inp = new InpWatch();
  private watches: Watches | undefined;
  private why: string | undefined;
  private marks: Mark[] = [];
  private hidden: number[] = [];
  private inputs = 0;
  private untrusted = 0;

  constructor() {
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState !== 'visible' && this.watches && this.hidden.length < MOST_MARKS) {
        this.hidden.push(this.now(this.watches));
      }
    });
    const count = (event: Event) => {
      if (event.isTrusted) this.inputs++;
      else this.untrusted++;
    };
    for (const type of INPUTS) addEventListener(type, count, { capture: true, passive: true });
  }

  /** Begins a measurement, and forgets what was recorded before. */
  async begin(options: ProbeOptions): Promise<string> {
    const video = largestVideo();
    const begun: Begun = video ? await playing(video, options.video === 'needed') : { video: 'none' };
    this.stop();
    const began = performance.now();
    this.marks = [];
    this.hidden = document.visibilityState === 'visible' ? [] : [0];
    this.inputs = this.untrusted = 0;
    this.why = begun.why;
    this.watches = {
      began,
      frames: new FrameWatch(began),
      tasks: longTasks(began),
      long: longFrames(began),
      events: inputEvents(began),
      video: video && begun.video === 'playing' ? new VideoWatch(video, began) : undefined,
    };
    return JSON.stringify(begun);
  }

  /** Notes this moment under a name. */
  mark(name: string): string {
    const mark: Mark = { name, at_ms: this.now(this.running()) };
    if (this.marks.length < MOST_MARKS) this.marks.push(mark);
    return JSON.stringify(mark);
  }

  /** Ends the measurement. */
  async end(): Promise<string> {
    const watches = this.running();
    const duration = this.now(watches);
    // A page that opened its document anew (`document.open`) removed the listener.
    if (document.visibilityState !== 'visible' && this.hidden.length === 0) this.hidden.push(duration);
    watches.frames.stop();
    const video = watches.video?.finish();
    const inp = await this.inp.finish();
    const lists = {
      events: watches.events.finish(),
      long_tasks: watches.tasks.finish(),
      long_frames: watches.long.finish(),
    };
    this.watches = undefined;
    const gone: Record<string, string> = {};
    for (const [name, found] of Object.entries({ ...lists, inp_ms: inp })) {
      if (typeof found === 'object' && 'why' in found) gone[name] = found.why;
    }
    if (video === undefined) gone.video = this.why ?? 'there is no video on the page';
    else if (typeof video === 'string') gone.video = video;
    const answer: ProbeAnswer = {
      address: location.href.slice(0, 8000),
      began_ms: tenths(watches.began),
      duration_ms: duration,
      frames_ms: watches.frames.times.filter((at) => at <= duration),
      marks: this.marks,
      hidden_ms: this.hidden,
      focused: document.hasFocus(),
      inputs: this.inputs,
      untrusted: this.untrusted,
      ...(Array.isArray(lists.events) && { events: lists.events }),
      ...(Array.isArray(lists.long_tasks) && { long_tasks: lists.long_tasks }),
      ...(Array.isArray(lists.long_frames) && { long_frames: lists.long_frames }),
      ...(typeof inp === 'number' && { inp_ms: inp }),
      ...(typeof video === 'object' && { video }),
      void: gone,
    };
    return JSON.stringify(answer);
  }

  /** Waits, so that the one who asked notices at once when the page ends. */
  rest(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms));
  }

  private running(): Watches {
    if (this.watches === undefined) throw new Error('No measurement has begun.');
    return this.watches;
  }

  private now(watches: Watches): number {
    return tenths(performance.now() - watches.began);
  }

  private stop(): void {
    this.watches?.frames.stop();
    this.watches?.video?.finish();
    this.watches?.tasks.finish();
    this.watches?.long.finish();
    this.watches?.events.finish();
    this.watches = undefined;
  }
}
