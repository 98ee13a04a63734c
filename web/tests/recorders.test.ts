import { describe, expect, it } from 'vitest';
import { kernelsOf, kernelsRecorder } from '../src/recorders/kernels';
import { memoryRecorder } from '../src/recorders/memory';
import { TIMING_RECORDER } from '../src/recorders/recorder';
import { recorderFor } from '../src/recorders/registry';
import type { KernelRun } from '../src/engines/engine';
import { eventIn, OrtProfiler, runsIn } from '../src/engines/ortjs-profiler';
import { Steps } from '../src/core/steps';
import { allocations, isKernel, TfjsProfiler, type ProfiledKernel } from '../src/engines/tfjs-profiler';
import { Unsupported, type Job } from '../src/core/types';
import { Setup, timed } from '../src/core/stages';
import { jobFor } from './job';

const kernel = (name: string, ms: number, more: Partial<KernelRun> = {}): KernelRun => ({ name, ms, clock: 'cpu', ...more });

describe('kernels of several inferences', () => {
  it('are laid side by side by name and by how often that came before', () => {
    const runs = [
      [kernel('Conv', 9), kernel('Add', 1), kernel('Conv', 8)],
      [kernel('Conv', 3), kernel('Add', 0.5), kernel('Conv', 2)],
      [kernel('Conv', 4), kernel('Add', 0.25), kernel('Conv', 1)],
    ];
    expect(kernelsOf(runs)).toEqual([
      { name: 'Conv', clock: 'cpu', warmup_ms: 9, times_ms: [3, 4] },
      { name: 'Add', clock: 'cpu', warmup_ms: 1, times_ms: [0.5, 0.25] },
      { name: 'Conv', clock: 'cpu', warmup_ms: 8, times_ms: [2, 1] },
    ]);
  });

  it('are told apart by their node, and keep their provider', () => {
    const runs = [[kernel('Conv', 9, { node: 4, provider: 'CPU' })], [kernel('Conv', 3, { node: 5 })]];
    expect(kernelsOf(runs)).toEqual([
      { name: 'Conv', clock: 'cpu', node: 5, times_ms: [3] },
      { name: 'Conv', clock: 'cpu', node: 4, provider: 'CPU', warmup_ms: 9, times_ms: [0] },
    ]);
  });

  it('took no time in an inference that lacks them', () => {
    const runs = [[kernel('Upload', 7), kernel('Conv', 2)], [kernel('Conv', 1)], []];
    expect(kernelsOf(runs)).toEqual([
      { name: 'Conv', clock: 'cpu', warmup_ms: 2, times_ms: [1, 0] },
      { name: 'Upload', clock: 'cpu', warmup_ms: 7, times_ms: [0, 0] },
    ]);
  });

  it('are demanded', () => {
    expect(() => kernelsOf([[], []])).toThrow(Unsupported);
    expect(() => kernelsOf([])).toThrow('The engine reported no kernels.');
  });
});

/** As TensorFlow.js does it: kernels are appended to a list while work is under way, and their times come later. */
class FakeTensorflow {
  readonly flags: Record<string, boolean> = {};
  private readonly state = { activeProfile: { kernels: [] as ProfiledKernel[] } };

  constructor(private readonly times: unknown = 2) {}

  engine() {
    return { state: this.state };
  }

  env() {
    return {
      set: (flag: string, value: boolean) => {
        this.flags[flag] = value;
      },
    };
  }

  async profile(work: () => Promise<void>) {
    this.state.activeProfile.kernels = [];
    await work();
    return this.state.activeProfile;
  }

  run(...names: string[]): string {
    for (const [i, name] of names.entries()) {
      const entry = { name, bytesAdded: 100, totalBytesSnapshot: 1000 + 100 * i, kernelTimeMs: this.times };
      this.state.activeProfile.kernels.push(entry);
    }
    return names.join();
  }
}

const FUSED = ['FusedConv2D', 'fusedConv2d__op', 'Add', 'unnamed scope', ''];

describe('the profiler of TensorFlow.js', () => {
  it('drops operations that stand beside their own kernels', () => {
    expect(FUSED.filter((name) => isKernel({ name }))).toEqual(['FusedConv2D', 'Add']);
  });

  it('tells the kernels of every watched inference, with the clock that timed them', async () => {
    const tf = new FakeTensorflow();
    const profiler = new TfjsProfiler(tf, 'gpu');
    expect(await profiler.watch(() => tf.run(...FUSED))).toBe(FUSED.join());
    await profiler.watch(() => Promise.resolve(tf.run('Add')));
    expect(await profiler.finish()).toEqual([
      [
        { name: 'FusedConv2D', ms: 2, clock: 'gpu' },
        { name: 'Add', ms: 2, clock: 'gpu' },
      ],
      [{ name: 'Add', ms: 2, clock: 'gpu' }],
    ]);
  });

  it('does not let the framework read every result back', async () => {
    const tf = new FakeTensorflow();
    await new TfjsProfiler(tf, 'cpu').watch(() => tf.run('Add'));
    expect(tf.flags).toEqual({ CHECK_COMPUTATION_FOR_ERRORS: false });
  });

  it.each([{ error: 'WebGL query timers are not supported' }, null, Number.NaN, -1])(
    'does not pass %j for a time',
    async (times) => {
      const tf = new FakeTensorflow(times);
      const profiler = new TfjsProfiler(tf, 'gpu');
      await profiler.watch(() => tf.run('Add'));
      expect(() => profiler.finish()).toThrow(Unsupported);
    },
  );

  it('fails as the inference fails', async () => {
    const fail = () => {
      throw new Error("Kernel 'Einsum' not registered");
    };
    await expect(new TfjsProfiler(new FakeTensorflow(), 'cpu').watch(fail)).rejects.toThrow('not registered');
  });
});

describe('allocations of TensorFlow.js', () => {
  it('are noted when each kernel has ended, with what the page holds then', async () => {
    const tf = new FakeTensorflow();
    let heap = 0;
    const held = () => ({ wasm_heap_bytes: ++heap });
    const told = await allocations(tf, () => tf.run(...FUSED), held);
    expect(told.value).toBe(FUSED.join());
    expect(told.kernels).toEqual([
      { name: 'FusedConv2D', bytes_added: 100, total_bytes: 1000, wasm_heap_bytes: 1 },
      { name: 'Add', bytes_added: 100, total_bytes: 1200, wasm_heap_bytes: 2 },
    ]);
  });
});

const line = (cat: string, name: string, ts: number, dur: number, args = {}) =>
  `${JSON.stringify({ cat, pid: 42, tid: 1, dur, ts, ph: 'X', name, args })},`;
const node = (name: string, ts: number, dur: number, op: string, index: string, provider = 'CPUExecutionProvider') =>
  line('Node', `${name}_kernel_time`, ts, dur, { op_name: op, node_index: index, provider });

const TRACE = [
  '[',
  line('Session', 'session_initialization', 0, 50),
  node('Conv_1', 110, 4000, 'FusedConv', '7'),
  line('Node', 'Conv_1_fence_before', 109, 1, { op_name: 'FusedConv' }),
  node('Add_2', 4200, 500, 'Add', '2'),
  line('Session', 'model_run', 100, 4900),
  node('Conv_1', 6010, 2000, 'FusedConv', '7'),
  line('Session', 'model_run', 6000, 2500),
  ']',
];

describe("the trace of ONNX Runtime's profiler", () => {
  it('parts the kernels by the run that they belong to', () => {
    const provider = 'CPUExecutionProvider';
    expect(runsIn(TRACE.flatMap(eventIn))).toEqual([
      [
        { name: 'FusedConv', ms: 4, clock: 'cpu', node: 7, provider },
        { name: 'Add', ms: 0.5, clock: 'cpu', node: 2, provider },
      ],
      [{ name: 'FusedConv', ms: 2, clock: 'cpu', node: 7, provider }],
    ]);
  });

  it('takes the time of a program on the GPU for that of its node', () => {
    const gpu = 'WebGpuExecutionProvider';
    const trace = [
      node('Conv_1', 110, 5, 'Conv', '1', gpu),
      node('Reshape_2', 120, 3, 'Reshape', '2', gpu),
      line('Session', 'model_run', 100, 900),
      line('Api', 'Conv_1&Conv&Im2Col', 300, 100, { cache_key: 'x' }),
      line('Api', 'Conv_1&Conv&MatMul', 400, 400, { cache_key: 'y' }),
    ];
    expect(runsIn(trace.flatMap(eventIn))).toEqual([
      [
        { name: 'Reshape', ms: 0.003, clock: 'cpu', node: 2, provider: gpu },
        { name: 'Conv', ms: 0.1, clock: 'gpu', node: 1, provider: gpu },
        { name: 'Conv', ms: 0.4, clock: 'gpu', node: 1, provider: gpu },
      ],
    ]);
  });

  it.each(['', '[', ']', '{', 'null', '{"cat":"Node"}', '{"cat":"Node","name":"x","ts":1,"dur":-2}', 'a warning'])(
    'passes over %j',
    (text) => {
      expect(eventIn(text)).toEqual([]);
    },
  );

  it('is read when the session ends profiling, and is demanded', async () => {
    const printing = new OrtProfiler({
      endProfiling() {
        for (const text of TRACE) console.log(text);
      },
    });
    expect(await printing.watch(() => 5)).toBe(5);
    expect((await printing.finish()).map((run) => run.length)).toEqual([2, 1]);
    await expect(new OrtProfiler({ endProfiling: () => undefined }).finish()).rejects.toThrow(Unsupported);
  });
});

const job = (pass: Job['pass'] = 'timing'): Job => jobFor({ engine: 'litertjs', pass });

describe('a timing pass', () => {
  it('is what is done unless told, and stops before and after the predictions alone', () => {
    expect(recorderFor(job(), new Setup())).toBe(TIMING_RECORDER);
    const stages = ['process_start', 'framework_init', 'model_init', 'warmup', 'prediction'];
    expect(stages.filter((stage) => TIMING_RECORDER.stopsAfter(stage))).toEqual(['warmup', 'prediction']);
  });
});

describe('a kernels pass', () => {
  it('is refused by an engine without a profiler', () => {
    expect(() => {
      recorderFor(job('kernels'), new Setup()).loaded({});
    }).toThrow('litertjs does not report which operators it runs: it has no profiler.');
  });

  it('times the inference, not what the profiler does when it has ended', async () => {
    let now = 0;
    const watching = kernelsRecorder(job());
    watching.loaded({
      profiler: () => ({
        async watch(predict) {
          const value = await predict();
          now += 1000;
          return value;
        },
        finish: () => Promise.resolve([[kernel('Add', 5)], [kernel('Add', 3)]]),
      }),
    });
    const predict = () => {
      now += 4;
      return 'answer';
    };
    await watching.first(predict);
    const prediction = await watching.later(predict, () => now);
    expect(prediction).toMatchObject({ ms: 4, value: 'answer' });
    expect(await watching.finish()).toEqual({
      kernels: [{ name: 'Add', clock: 'cpu', warmup_ms: 5, times_ms: [3] }],
    });
  });
});

describe('a memory pass', () => {
  const page = () => {
    const told: [string, unknown][] = [];
    return {
      told,
      readings: [],
      notes: ['a note'],
      held: () => ({ wasm_heap_bytes: 7 }),
      read: (stage: string, engine: unknown) => {
        told.push([stage, engine]);
        return Promise.resolve();
      },
    };
  };

  it('reads the page after every stage, with what the engine counts', async () => {
    const seen = page();
    const watching = memoryRecorder(seen);
    await watching.ended('process_start');
    await watching.ended('model_init', { memory: () => ({ tf_bytes: 5 }) });
    expect(seen.told).toEqual([
      ['process_start', undefined],
      ['model_init', { tf_bytes: 5 }],
    ]);
    expect(watching.stopsAfter('framework_download')).toBe(true);
  });

  it('looks into the first inference where the engine counts its tensors', async () => {
    const watching = memoryRecorder(page());
    const add = { name: 'Add', bytes_added: 1, total_bytes: 2 };
    watching.loaded({
      allocations: async (predict, held) => ({ value: await predict(), kernels: [{ ...add, ...held() }] }),
    });
    const kernels = [{ ...add, wasm_heap_bytes: 7 }];
    expect((await watching.first(() => 3)).value).toBe(3);
    expect(await watching.finish()).toEqual({ memory: { page: [], kernels, notes: ['a note'] } });
  });

  it('does without where it does not', async () => {
    const watching = memoryRecorder(page());
    watching.loaded({});
    expect((await watching.first(() => 3)).value).toBe(3);
    expect((await watching.later(() => 4)).value).toBe(4);
    expect(await watching.finish()).toEqual({ memory: { page: [], kernels: [], notes: ['a note'] } });
  });
});

function lateFailure(): Promise<string> {
  return new Promise((resolve) => {
    setTimeout(() => {
      resolve('failed');
    }, 5);
  });
}

describe('Steps', () => {
  it('stop at every moment, and go on when they are told to', async () => {
    const steps = new Steps();
    const done: string[] = [];
    const first = await steps.begin(async (moment) => {
      done.push('setup');
      await moment('warmup');
      done.push('predictions');
      await moment('prediction');
      done.push('proof');
      return 'the answer';
    });
    expect([first, [...done]]).toEqual(['moment: warmup', ['setup']]);
    expect([await steps.next(), [...done]]).toEqual(['moment: prediction', ['setup', 'predictions']]);
    expect([await steps.next(), done]).toEqual(['the answer', ['setup', 'predictions', 'proof']]);
  });

  it('give an answer that comes without any moment', async () => {
    expect(await new Steps().begin(() => Promise.resolve('at once'))).toBe('at once');
  });

  it('keeps an answer that comes while the work stops', async () => {
    const steps = new Steps();
    expect(await steps.begin((moment) => Promise.race([moment('warmup').then(() => 'done'), lateFailure()]))).toBe(
      'moment: warmup',
    );
    await lateFailure();
    expect(await steps.next()).toBe('failed');
    expect(await steps.begin(() => Promise.resolve('again'))).toBe('again');
  });

  it('leave times as they are', async () => {
    expect((await timed(() => 1)).value).toBe(1);
  });
});
