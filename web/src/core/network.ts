// How files come to this page: measured downloads take turns over all pages of the server, and are held against its log.
import { address } from './downloads';
import type { Download } from './types';

const ENTRIES = 10_000;
const TURN = 'turn';

/** Does `work` while no other page of this server downloads anything that is measured. */
export async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  await fetch(address(TURN));
  try {
    return await work();
  } finally {
    await fetch(address(TURN), { method: 'DELETE' });
  }
}

type Timing = Pick<
  PerformanceResourceTiming,
  'name' | 'startTime' | 'requestStart' | 'responseEnd' | 'transferSize' | 'encodedBodySize' | 'decodedBodySize'
> & { deliveryType?: string };

/** What the browser noted of everything that this page has fetched since. */
export class NetworkWatch {
  private readonly since = performance.now();

  constructor() {
    performance.clearResourceTimings();
    performance.setResourceTimingBufferSize(ENTRIES);
  }

  /** Those that began up to `end`, in that order. */
  downloads(end: number): Download[] {
    const entries = performance.getEntriesByType('resource') as PerformanceResourceTiming[];
    const inTime = entries.filter(({ startTime }) => startTime <= end);
    return downloadsIn(inTime, address('.'), this.since);
  }
}

/** Files below `base`, by their names there. A cached file has no request: its time runs from where it was asked for. */
export function downloadsIn(entries: readonly Timing[], base: string, since: number): Download[] {
  const files = entries.filter(({ name }) => name.startsWith(base) && name !== base + TURN);
  return files
    .sort((a, b) => a.startTime - b.startTime)
    .map((entry) => ({
      name: decodeURIComponent(entry.name.slice(base.length)),
      bytes: entry.encodedBodySize,
      decoded_bytes: entry.decodedBodySize,
      start_ms: Math.max(entry.startTime - since, 0),
      page_ms: Math.max(entry.responseEnd - (entry.requestStart || entry.startTime), 0),
      from_cache: entry.deliveryType === 'cache' || entry.transferSize === 0,
    }));
}
