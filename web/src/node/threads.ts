// The processor time of this process's threads, which Linux counts.
import { readdir, readFile } from 'node:fs/promises';

/** A thread counts as having computed from this share of the busiest thread's processor time on, as for a page. */
const SHARE_AT_WORK = 0.05;
/** A thread that used less processor time than this, in milliseconds, only waited. */
const LEAST_AT_WORK_MS = 1;

/** Thread id to processor time in milliseconds. */
export type ThreadTimes = ReadonlyMap<number, number>;

export interface AtWork {
  threads_at_work?: number;
  threads_alive?: number;
  thread_cpu_ms?: number[];
}

/** Reads the time of every thread; empty where the system does not report it. */
export async function threadTimes(folder = '/proc/self/task'): Promise<ThreadTimes> {
  const ids = await readdir(folder).catch(() => []);
  const read = ids.map(async (id): Promise<[number, number]> => {
    const text = await readFile(`${folder}/${id}/schedstat`, 'utf8').catch(() => '');
    return [Number(id), Number(text.split(' ', 1)[0] ?? '') / 1e6];
  });
  return new Map((await Promise.all(read)).filter(([, ms]) => ms > 0));
}

/**
 * Returns what threads did between two readings. Only the main thread and threads of the framework count as working
 * threads: `own` holds the other threads of Node, which collect garbage and compile, and were there before.
 */
export function atWork(main: number, own: ThreadTimes, before: ThreadTimes, after: ThreadTimes): AtWork {
  const spent = Array.from(after, ([id, ms]) => ({ id, ms: ms - (before.get(id) ?? 0) }));
  const computing = spent.filter(({ id }) => id === main || !own.has(id));
  const most = Math.max(0, ...computing.map(({ ms }) => ms));
  if (most < LEAST_AT_WORK_MS) return {};
  const least = Math.max(SHARE_AT_WORK * most, LEAST_AT_WORK_MS);
  return {
    threads_at_work: computing.filter(({ ms }) => ms >= least).length,
    threads_alive: computing.length,
    thread_cpu_ms: spent
      .map(({ ms }) => ms)
      .filter((ms) => ms > 0)
      .sort((a, b) => b - a),
  };
}
