// Shows a measurement to a person: rows with a name, a number and a bar.
import type { Measurement } from '../core/types';

export interface Row {
  name: string;
  value: string;
  /** From 0 to 1. */
  share?: number;
}

export interface Table {
  title: string;
  rows: Row[];
}

const PARTS: Record<string, string> = {
  framework_download: 'framework download',
  framework_init: 'framework start',
  model_download: 'model download',
  model_init: 'model start',
  as_shipped: 'the engine’s own loader',
};
const STAGES: Record<string, string> = {
  ...PARTS,
  process_start: 'page loaded',
  warmup: 'first inference',
  prediction: 'later inferences',
};
const MEMORIES: Record<string, string> = {
  wasm_heap_bytes: 'WebAssembly heap',
  performance_memory_bytes: 'performance.memory, used',
  performance_memory_total_bytes: 'performance.memory, total',
  user_agent_bytes: 'as the browser counts the page',
  tf_bytes: 'tf.memory()',
  tf_gpu_bytes: 'tf.memory(), on the GPU',
};
const CLOCKS = { cpu: 'the processor’s clock', gpu: 'the GPU’s clock' };
const MOST_KERNELS = 10;

/** Returns the tables of a measurement, in order. */
export function tables(measurement: Measurement): Table[] {
  return [stages(measurement), kernels(measurement), ...memory(measurement)].filter(({ rows }) => rows.length > 0);
}

/** Returns a sentence with the GPU that computed, or that software did; undefined where no GPU was asked for. */
export function renderer({ proof = {} }: Measurement): string | undefined {
  const { renderer: name, renderer_software: software } = proof;
  return name && `Computed by ${name}${software ? ': software on the processor, no GPU' : ''}.`;
}

function stages({ setup_ms = {}, warmup_ms = [], prediction_ms = [] }: Measurement): Table {
  const sorted = [...prediction_ms].sort((a, b) => a - b);
  const times: [string, number][] = [
    ...Object.entries(setup_ms).map(([part, ms]): [string, number] => [PARTS[part] ?? part, ms]),
    ...warmup_ms.slice(0, 1).map((ms): [string, number] => ['first inference', ms]),
  ];
  if (sorted.length > 0) {
    times.push([`later inferences: median of ${sorted.length}`, quantile(sorted, 0.5)]);
    times.push(['90 of 100 within', quantile(sorted, 0.9)]);
  }
  const longest = Math.max(...times.map(([, ms]) => ms));
  return { title: 'Stages', rows: times.map(([name, ms]) => ({ name, value: duration(ms), share: ms / longest })) };
}

function kernels({ kernels = [], prediction_ms = [] }: Measurement): Table {
  const byName = new Map<string, number>();
  for (const { name, times_ms = [] } of kernels) {
    const each = times_ms.reduce((sum, ms) => sum + ms, 0) / Math.max(prediction_ms.length, 1);
    byName.set(name, (byName.get(name) ?? 0) + each);
  }
  const whole = [...byName.values()].reduce((sum, ms) => sum + ms, 0);
  const longest = [...byName].sort(([, a], [, b]) => b - a).slice(0, MOST_KERNELS);
  const clocks = [...new Set(kernels.map(({ clock = 'cpu' }) => CLOCKS[clock]))].join(' and ');
  const which = byName.size > MOST_KERNELS ? `the ${MOST_KERNELS} longest of ${byName.size} kinds` : 'all kinds';
  return {
    title: `Kernels of one inference: ${which}, by ${clocks}`,
    rows: longest.map(([name, ms]) => ({ name, value: duration(ms), share: whole > 0 ? ms / whole : 0 })),
  };
}

/**
 * Returns one table for each source of memory counts. The sources count different things, so only the growth from stage
 * to stage can be compared.
 */
function memory({ memory }: Measurement): Table[] {
  const readings = memory?.page ?? [];
  const names = new Set(readings.flatMap((reading) => Object.keys(reading).filter((name) => name.endsWith('_bytes'))));
  return [...names].map((name) => {
    const values = readings.flatMap((reading): [string, number][] => {
      const value = Object.entries(reading).find(([key]) => key === name)?.[1] as number | undefined;
      return value === undefined ? [] : [[reading.stage, value]];
    });
    const most = Math.max(...values.map(([, bytes]) => bytes), 1);
    const rows = values.map(([stage, bytes]) => ({
      name: STAGES[stage] ?? stage.replaceAll('_', ' '),
      value: `${(bytes / 2 ** 20).toFixed(1)} MiB`,
      share: bytes / most,
    }));
    return { title: `Memory: ${MEMORIES[name] ?? name.replace(/_bytes$/, '').replaceAll('_', ' ')}`, rows };
  });
}

/** Returns a quantile of sorted values, by linear interpolation. */
export function quantile(sorted: readonly number[], share: number): number {
  const place = (sorted.length - 1) * share;
  const below = sorted[Math.floor(place)] ?? NaN;
  const above = sorted[Math.ceil(place)] ?? NaN;
  return below + (above - below) * (place % 1);
}

export function duration(ms: number): string {
  return ms >= 1000 ? `${(ms / 1000).toFixed(2)} s` : `${ms.toFixed(ms < 10 ? 2 : ms < 100 ? 1 : 0)} ms`;
}

export function element<K extends keyof HTMLElementTagNameMap>(
  kind: K,
  text = '',
  ...children: Node[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(kind);
  if (text) made.textContent = text;
  made.append(...children);
  return made;
}

export function drawn({ title, rows }: Table): Node[] {
  const body = element('tbody', '', ...rows.map(drawnRow));
  return [element('h2', title), element('table', '', body)];
}

function drawnRow({ name, value, share }: Row): HTMLTableRowElement {
  const head = element('th', name);
  head.scope = 'row';
  if (share !== undefined) {
    const bar = element('div');
    bar.className = 'bar';
    bar.style.width = `${Math.max(share * 100, 0.5).toFixed(1)}%`;
    head.append(bar);
  }
  return element('tr', '', head, element('td', value));
}
