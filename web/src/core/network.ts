// Downloads: the measured ones take turns over all pages of the server, and are compared with the server's log.
import { address } from './downloads';
import type { Download } from './types';

const ENTRIES = 10_000;
const TURN = 'turn';

/** Runs `work` while no other page of this server has a measured download. */
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

/** The browser's resource timings of everything that this page fetches from now on. */
export class NetworkWatch {
  private readonly since = performance.now();

  constructor() {
    performance.clearResourceTimings();
    performance.setResourceTimingBufferSize(ENTRIES);
  }

  /** Returns the downloads that began before `end`, in the order of their beginning. */
  downloads(end: number): Download[] {
    const entries = performance.getEntriesByType('resource');
    const inTime = entries.filter(({ startTime }) => startTime <= end);
    return downloadsIn(inTime, address('.'), this.since);
  }
}

/**
 * Returns the downloads of files below `base`, named relative to it. A cached file has no request, so its time begins
 * with the fetch.
 */
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
