// Kernel times from ONNX Runtime: a trace in Chrome's format, which `endProfiling` prints line by line.
import { listening } from '../core/console';
import { Unsupported } from '../core/types';
import type { KernelRun, Profiler } from './engine';

const RUN = 'model_run';
const NODE_TIME = '_kernel_time';

/** One event of the trace, with times in microseconds. */
interface TraceEvent {
  cat: string;
  name: string;
  ts: number;
  dur: number;
  args: { op_name?: string; node_index?: string; provider?: string };
}

/** A session that was created with `enableProfiling`. */
export class OrtProfiler implements Profiler {
  constructor(private readonly session: { endProfiling(): void }) {}

  async watch<T>(predict: () => T | Promise<T>): Promise<T> {
    return predict();
  }

  async finish(): Promise<KernelRun[][]> {
    const lines: string[] = [];
    await listening(
      (line) => lines.push(line),
      () => {
        this.session.endProfiling();
        return Promise.resolve();
      },
    );
    const events = lines.flatMap((text) => text.split('\n')).flatMap(eventIn);
    if (events.length === 0) throw new Unsupported('This build of ONNX Runtime Web has no profiler: it printed no trace.');
    return runsIn(events);
  }
}

/**
 * Returns the kernels of each run. Where the browser has GPU timers, a GPU program (`Api`) has a time of its own and
 * replaces its node, whose processor time is only that of submitting it.
 */
export function runsIn(events: readonly TraceEvent[]): KernelRun[][] {
  const starts = events.filter((event) => event.cat === 'Session' && event.name === RUN).map((event) => event.ts);
  starts.sort((a, b) => a - b);
  const nodes = new Map<string, TraceEvent>();
  for (const event of events) if (event.cat === 'Node') nodes.set(nodeName(event), event);
  const onGpu = new Set(events.filter((event) => event.cat === 'Api').map(nodeName));
  const runs: KernelRun[][] = starts.map(() => []);
  for (const event of events) {
    const run = runs[starts.filter((start) => start <= event.ts).length - 1];
    if (event.cat === 'Api') run?.push(programOf(event, nodes.get(nodeName(event))));
    else if (event.cat === 'Node' && event.name.endsWith(NODE_TIME) && !onGpu.has(nodeName(event))) {
      run?.push(kernelOf(event, event.name));
    }
  }
  return runs;
}

/**
 * Returns the node of an event: `Conv_5_kernel_time` is an event of a node, `Conv_5&Conv&ConvNaive` of its GPU program.
 */
function nodeName({ name }: TraceEvent): string {
  return name.split('&', 1)[0]?.replace(NODE_TIME, '') ?? name;
}

function kernelOf({ dur, args }: TraceEvent, name: string): KernelRun {
  const node = Number(args.node_index);
  return {
    name: args.op_name ?? name,
    ms: dur / 1000,
    clock: 'cpu',
    ...(args.node_index !== undefined && Number.isInteger(node) && { node }),
    ...(args.provider !== undefined && { provider: args.provider }),
  };
}

function programOf(program: TraceEvent, node: TraceEvent | undefined): KernelRun {
  const operator = program.name.split('&')[1] ?? program.name;
  const { args } = node ?? program;
  return { ...kernelOf({ ...program, args: { ...args, op_name: operator } }, operator), clock: 'gpu' };
}

/** Reads the event in one printed line; an empty list where the line is something else. */
export function eventIn(line: string): TraceEvent[] {
  const text = line.trim().replace(/,$/, '');
  if (!text.startsWith('{')) return [];
  try {
    const event = JSON.parse(text) as Partial<TraceEvent>;
    const { cat, name, ts, dur, args = {} } = event;
    if (cat === undefined || name === undefined || ts === undefined || dur === undefined || dur < 0) return [];
    return [{ cat, name, ts, dur, args }];
  } catch {
    return [];
  }
}
