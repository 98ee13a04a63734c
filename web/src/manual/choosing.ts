// The form. The options of each choice depend on the choices above it.
import type { AxisChoice, BackendChoice, Choices, EngineChoice, ModelChoice, StartRequest } from '../core/types';
import { coresReported } from '../core/proof';

/** The choices in the order in which each limits the following ones. */
const ORDER = ['model', 'engine', 'backend', 'axes'];
/** The id of a select for a value of an axis begins with this. */
const AXIS = 'axis-';
const THREADS = [1, 2, 4];
/** The passes that can be chosen. A page cannot make its browser record a trace. */
const PASSES: Record<string, string> = { timing: 'times', kernels: 'kernels', memory: 'memory' };

/** Returns the thread counts to offer: only 1 where a build has one thread, and not 1 where it needs more. */
export function threadChoices(backend: BackendChoice | undefined, build: string, cores: number, isolated: boolean): number[] {
  if (!isolated || backend === undefined || backend.single_threaded) return [1];
  if (backend.single_threaded_builds.includes(build)) return [1];
  const least = backend.multi_threaded_builds.includes(build) ? 2 : 1;
  const counts = [...THREADS, cores].filter((count) => count >= least && count <= Math.max(cores, least));
  return [...new Set(counts)];
}

export class Choosing {
  constructor(
    private readonly choices: Choices,
    private readonly form: HTMLFormElement,
  ) {
    this.offer('model', this.choices.models.map((model, i) => [String(i), modelLabel(model)]));
    this.follow('model');
    form.addEventListener('change', (event) => {
      if (event.target instanceof HTMLSelectElement) this.follow(event.target.id);
    });
  }

  get request(): StartRequest {
    const cores = coresReported();
    const { name: model, precision } = this.model;
    return {
      engine: this.value('engine'),
      backend: this.value('backend'),
      axes: this.axes,
      threads: Number(this.value('threads')),
      model,
      precision,
      pass: this.value('pass'),
      ...(cores !== undefined && { cores }),
    };
  }

  /** The choices in words, as a heading of the result. */
  get words(): string {
    const { engine, backend, axes, threads, model, precision } = this.request;
    const title = this.engine?.title ?? engine;
    const way = [backend, ...Object.values(axes ?? {})].join(' ');
    return `${model} ${precision} on ${title}, ${way}, ${threads} thread${threads === 1 ? '' : 's'}`;
  }

  /** Updates the choices that depend on `changed`. */
  private follow(changed: string): void {
    const from = ORDER.indexOf(changed.startsWith(AXIS) ? 'axes' : changed);
    if (from < 0) return;
    if (from < 1) this.offer('engine', this.engines().map(({ name, title }) => [name, title]));
    if (from < 2) {
      this.offer('backend', (this.engine?.backends ?? []).map(({ name }) => [name, name]));
      this.offer('pass', (this.engine?.passes ?? []).map((name) => [name, PASSES[name] ?? name]));
    }
    if (from < 3) this.offerAxes(this.backend?.axes ?? []);
    const cores = coresReported() ?? 1;
    const counts = threadChoices(this.backend, this.axes.wasm_build ?? '', cores, crossOriginIsolated);
    this.offer('threads', counts.map((count) => [String(count), count === cores ? `${count} (all)` : String(count)]));
  }

  /** Sets the options of a choice, and keeps the selected one where it still exists. */
  private offer(id: string, options: (readonly [value: string, label: string])[]): void {
    const select = this.select(id);
    const before = select.value;
    select.replaceChildren(...options.map(([value, label]) => new Option(label, value)));
    if (options.some(([value]) => value === before)) select.value = before;
  }

  /** One select for each axis of the backend; what was chosen stays, where it is still offered. */
  private offerAxes(axes: AxisChoice[]): void {
    const before = this.axes;
    const labels = axes.map(({ name, title }) => {
      const label = document.createElement('label');
      const select = document.createElement('select');
      select.id = `${AXIS}${name}`;
      select.required = true;
      label.append(`${title[0]?.toUpperCase() ?? ''}${title.slice(1)} `, select);
      return label;
    });
    this.form.querySelector('#axes')?.replaceChildren(...labels);
    for (const { name, values } of axes) {
      this.offer(`${AXIS}${name}`, values.map((value) => [value, value]));
      const kept = before[name];
      if (kept !== undefined && values.includes(kept)) this.select(`${AXIS}${name}`).value = kept;
    }
  }

  /** What is chosen of the backend, by axis. */
  private get axes(): Record<string, string> {
    const selects = [...this.form.querySelectorAll<HTMLSelectElement>('#axes select')];
    return Object.fromEntries(selects.map((select) => [select.id.slice(AXIS.length), select.value]));
  }

  private engines(): EngineChoice[] {
    const { bytes } = this.model;
    return this.choices.engines.filter(({ format }) => format in bytes);
  }

  private get model(): ModelChoice {
    const model = this.choices.models[Number(this.value('model'))];
    if (model === undefined) throw new Error('There is no model to choose.');
    return model;
  }

  private get engine(): EngineChoice | undefined {
    return this.choices.engines.find(({ name }) => name === this.value('engine'));
  }

  private get backend(): BackendChoice | undefined {
    return this.engine?.backends.find(({ name }) => name === this.value('backend'));
  }

  private value(id: string): string {
    return this.select(id).value;
  }

  private select(id: string): HTMLSelectElement {
    const found = this.form.querySelector<HTMLSelectElement>(`#${id}`);
    if (found === null) throw new Error(`The form has no ${id}.`);
    return found;
  }
}

function modelLabel({ name, precision, bytes }: ModelChoice): string {
  const megabytes = Math.max(...Object.values(bytes)) / 1e6;
  return `${name} ${precision} (${megabytes.toFixed(megabytes < 10 ? 1 : 0)} MB)`;
}
