import { afterEach, describe, expect, it, vi } from 'vitest';
import { recorderFor } from '../src/recorders/registry';
import { traceRecorder, type Mark } from '../src/recorders/trace';
import { Setup } from '../src/core/stages';
import { jobFor } from './job';

const JOB = jobFor({ pass: 'trace' });

afterEach(() => {
  vi.restoreAllMocks();
});

describe('a trace pass', () => {
  it('marks each stage by the very times that were taken, when it has ended', async () => {
    let now = 0;
    const clock = () => now;
    const work = (ms: number) => () => {
      now += ms;
      return Promise.resolve('done');
    };
    const setup = new Setup(clock);
    const marks: unknown[][] = [];
    const mark: Mark = (...told) => {
      marks.push(told);
      now += 1000;
    };
    const watching = traceRecorder(setup, mark);
    await watching.ended('process_start');
    await setup.part('framework_download', work(10));
    await watching.ended('framework_download');
    await setup.part('model_init', work(5));
    await watching.ended('model_init');
    watching.loaded({});
    const first = await watching.later(work(3), clock);
    const second = await watching.later(work(4), clock);
    await watching.ended('prediction');
    expect(marks).toEqual([
      ['framework_download', 0, 10],
      ['model_init', 1010, 1015],
      ['setup', 0, 1015],
      ['prediction', 3015, 3018, 0],
      ['prediction', 4018, 4022, 1],
    ]);
    expect([first, second]).toEqual([
      { ms: 3, end: 3018, value: 'done' },
      { ms: 4, end: 4022, value: 'done' },
    ]);
    expect(setup.ms).toEqual({ framework_download: 10, model_init: 5 });
    expect(await watching.finish()).toEqual({});
  });

  it('marks the first inference as the warmup', async () => {
    const marks: string[] = [];
    const watching = traceRecorder(new Setup(), (name) => marks.push(name));
    expect(await watching.first(() => 'answer')).toMatchObject({ value: 'answer' });
    expect(marks).toEqual(['warmup']);
  });

  it('writes measures of the user timing, and keeps none', async () => {
    const measure = vi.spyOn(performance, 'measure');
    const watching = recorderFor(JOB, new Setup());
    await watching.first(() => 'answer');
    await watching.later(() => 'answer');
    expect(measure.mock.calls.map(([name]) => name)).toEqual(['mobilebench:warmup', 'mobilebench:prediction']);
    expect(measure.mock.calls[1]?.[1]).toMatchObject({ detail: { position: 0 } });
    expect(performance.getEntriesByType('measure')).toEqual([]);
  });

  it('is the only one that marks anything', async () => {
    const measure = vi.spyOn(performance, 'measure');
    const watching = recorderFor({ ...JOB, pass: 'timing' }, new Setup());
    await watching.ended('framework_init');
    watching.loaded({});
    await watching.first(() => 'answer');
    await watching.later(() => 'answer');
    expect(measure).not.toHaveBeenCalled();
  });
});
