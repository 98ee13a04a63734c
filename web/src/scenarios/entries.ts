import { tenths } from './frames';
import type { InputEvent, LongFrame, Span } from '../core/records.gen';

/** Entries of one type that are kept at most. */
const MOST = 50_000;

/** The fields of the entries that TypeScript's library does not know. */
interface LongFrameEntry extends PerformanceEntry {
  blockingDuration: number;
}

/** Collects the browser's performance entries of one type that began after `began`. */
export class EntryWatch<Kept> {
  private readonly kept: Kept[] = [];
  private readonly observer: PerformanceObserver | undefined;

  /**
   * @param options further options of `PerformanceObserver.observe`
   * @param keep what to keep of an entry; undefined for entries that do not count
   */
  constructor(
    private readonly type: string,
    private readonly began: number,
    private readonly keep: (entry: PerformanceEntry, start: number) => Kept | undefined,
    options: PerformanceObserverInit & { durationThreshold?: number } = {},
  ) {
    if (!PerformanceObserver.supportedEntryTypes.includes(type)) return;
    this.observer = new PerformanceObserver((list) => {
      this.add(list.getEntries());
    });
    this.observer.observe({ type, ...options });
  }

  /** What was kept, or why there is nothing: the browser does not report such entries. */
  finish(): Kept[] | { why: string } {
    if (this.observer === undefined) return { why: `this browser does not report ${this.type} entries` };
    this.add(this.observer.takeRecords());
    this.observer.disconnect();
    return this.kept;
  }

  private add(entries: PerformanceEntryList): void {
    for (const entry of entries) {
      if (entry.startTime < this.began || this.kept.length >= MOST) continue;
      const kept = this.keep(entry, tenths(entry.startTime - this.began));
      if (kept !== undefined) this.kept.push(kept);
    }
  }
}

export const longTasks = (began: number) =>
  new EntryWatch<Span>('longtask', began, (entry, start) => ({
    start_ms: start,
    duration_ms: tenths(entry.duration),
  }));

export const longFrames = (began: number) =>
  new EntryWatch<LongFrame>('long-animation-frame', began, (entry, start) => ({
    start_ms: start,
    duration_ms: tenths(entry.duration),
    blocking_ms: tenths((entry as LongFrameEntry).blockingDuration),
  }));

/** Events that belong to an interaction of the user; browsers report those of 16 ms and longer at most. */
export const inputEvents = (began: number) =>
  new EntryWatch<InputEvent>(
    'event',
    began,
    (entry, start) => {
      const event = entry as PerformanceEventTiming & { interactionId?: number };
      if (!event.interactionId) return undefined;
      return {
        name: event.name,
        start_ms: start,
        delay_ms: tenths(event.processingStart - event.startTime),
        duration_ms: tenths(event.duration),
      };
    },
    { durationThreshold: 16 },
  );
