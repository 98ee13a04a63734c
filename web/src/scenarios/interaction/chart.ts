import { element, found, numbers, type App, type Step } from './app';

const POINTS = 2400;
const SERIES = 4;
const WIDTH = 640;
const HEIGHT = 240;
const SVG = 'http://www.w3.org/2000/svg';
const RANGES = { month: 400, quarter: 1200, year: POINTS };

type Range = keyof typeof RANGES;

/** Lines over time in SVG, whose range and smoothing can be chosen; each change computes and draws all of them. */
export class Chart implements App {
  readonly name = 'chart';
  readonly root = element('section', { className: 'chart' });
  private readonly picture = document.createElementNS(SVG, 'svg');
  private readonly data: number[][];
  private range: Range = 'month';
  private smoothing = 1;

  constructor() {
    const random = numbers(11);
    this.data = Array.from({ length: SERIES }, () => {
      let value = 50;
      return Array.from({ length: POINTS }, () => (value = Math.min(100, Math.max(0, value + random() * 6 - 3))));
    });
    this.picture.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`);
    const choices = (Object.keys(RANGES) as Range[]).map((name) =>
      this.button(name, () => {
        this.range = name;
      }),
    );
    const smoother = this.button('smoother', () => {
      this.smoothing = Math.min(this.smoothing * 4, 64);
    });
    this.root.append(element('p', {}, ...choices, smoother), this.picture);
    this.reset();
  }

  reset(): void {
    this.range = 'month';
    this.smoothing = 1;
    this.draw();
  }

  script(): Step[] {
    return ['quarter', 'smoother', 'year', 'smoother', 'month'].map((name) => ({
      click: () => found(this.root, `.${name}`),
    }));
  }

  private button(name: string, change: () => void): HTMLButtonElement {
    const button = element('button', { className: name, text: name });
    button.addEventListener('click', () => {
      change();
      this.draw();
    });
    return button;
  }

  private draw(): void {
    const count = RANGES[this.range];
    const lines = this.data.map((series, i) => {
      const line = document.createElementNS(SVG, 'path');
      line.setAttribute('class', `series-${i}`);
      line.setAttribute('d', pathOf(smoothed(series.slice(-count), this.smoothing)));
      return line;
    });
    const ticks = Array.from({ length: 24 }, (_, i) => {
      const tick = document.createElementNS(SVG, 'text');
      tick.setAttribute('x', String((i * WIDTH) / 24));
      tick.setAttribute('y', String(HEIGHT - 2));
      tick.textContent = String(Math.round((i * count) / 24));
      return tick;
    });
    this.picture.replaceChildren(...lines, ...ticks);
  }
}

/** The moving average over `width` values. */
export function smoothed(values: number[], width: number): number[] {
  let total = 0;
  return values.map((value, i) => {
    total += value - (i >= width ? (values[i - width] ?? 0) : 0);
    return total / Math.min(i + 1, width);
  });
}

function pathOf(values: number[]): string {
  const step = WIDTH / values.length;
  return values
    .map((value, i) => `${i === 0 ? 'M' : 'L'}${(i * step).toFixed(1)} ${(HEIGHT - value * 2.2).toFixed(1)}`)
    .join('');
}
