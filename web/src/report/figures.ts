// Draws the interactive figures of the report. Each figure holds its Vega-Lite specification (JSON, compressed by gzip, as
// base64) beside a static picture of it. Expressions are interpreted, not compiled, so that the report needs no `unsafe-eval`.
import embed from 'vega-embed';
import { expressionInterpreter } from 'vega-interpreter';
import type { VisualizationSpec } from 'vega-embed';

/** Pixels that one entry of a legend may take. */
const ENTRY = 190;
/** Pixels beside the plots of a figure of several: numbers and title of their vertical axes. */
const BESIDE = 64;

interface Part {
  width?: unknown;
}
interface Figure extends Part {
  vconcat?: Part[];
}

/** Vega-Lite fits single plots into their place by itself, but not several below each other. */
function fit(spec: Figure, width: number): VisualizationSpec {
  for (const part of spec.vconcat ?? []) if (part.width === 'container') part.width = Math.max(120, width - BESIDE);
  return spec as VisualizationSpec;
}

async function unpack(text: string): Promise<Figure> {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return (await new Response(stream).json()) as Figure;
}

/** Draws a figure at the width of its column; when that fails, the static picture stays. */
async function draw(figure: HTMLElement, place: HTMLElement): Promise<void> {
  const packed = figure.querySelector('script[type="application/gzip"]')?.textContent;
  if (!packed) return;
  try {
    const spec = fit(await unpack(packed), place.clientWidth);
    await embed(place, spec, {
      ast: true,
      expr: expressionInterpreter,
      renderer: 'svg',
      actions: false,
      config: { legend: { columns: Math.max(1, Math.floor(place.clientWidth / ENTRY)) } },
      tooltip: { theme: 'custom' },
    });
  } catch (error) {
    figure.classList.remove('drawn');
    console.error(error);
  }
}

function prepare(figure: HTMLElement): void {
  const place = figure.querySelector<HTMLElement>('.live');
  if (!place || figure.dataset.prepared) return;
  figure.dataset.prepared = 'yes';
  new IntersectionObserver((entries, observer) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    observer.disconnect();
    figure.classList.add('drawn');
    void draw(figure, place);
  }, { rootMargin: '400px' }).observe(figure);
}

function prepareAll(): void {
  document.querySelectorAll<HTMLElement>('figure.chart').forEach(prepare);
}

prepareAll();
// A large report unpacks its tables and figures after it was loaded, and says so.
document.addEventListener('unpacked', prepareAll);
