import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { atWork, threadTimes } from '../src/node/threads';

const NODE_ITSELF = new Map([
  [1, 50],
  [2, 10],
]);

describe('atWork', () => {
  it('counts the main thread, and no thread that Node has for itself', () => {
    const after = new Map([
      [1, 150],
      [2, 90],
    ]);
    expect(atWork(1, NODE_ITSELF, NODE_ITSELF, after)).toEqual({
      threads_at_work: 1,
      threads_alive: 1,
      thread_cpu_ms: [100, 80],
    });
  });

  it('counts threads of the framework, idle ones only as alive', () => {
    const before = new Map([...NODE_ITSELF, [3, 5], [4, 5]]);
    const after = new Map([
      [1, 150],
      [3, 95],
      [4, 5.5],
    ]);
    expect(atWork(1, NODE_ITSELF, before, after)).toMatchObject({ threads_at_work: 2, threads_alive: 3 });
  });

  it('says nothing where the system does not tell', () => {
    expect(atWork(1, new Map(), new Map(), new Map())).toEqual({});
  });
});

describe('threadTimes', () => {
  it('reads the processor time of each thread, and leaves out what cannot be read', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'threads-'));
    await mkdir(join(folder, '7'));
    await mkdir(join(folder, '8'));
    await writeFile(join(folder, '7', 'schedstat'), '2500000 10 3\n');
    expect(await threadTimes(folder)).toEqual(new Map([[7, 2.5]]));
    await rm(folder, { recursive: true });
    expect(await threadTimes(folder)).toEqual(new Map());
  });
});
