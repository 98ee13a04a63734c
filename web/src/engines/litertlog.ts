// What LiteRT.js says only in its log.
import type { Proof } from '../core/types';

const PARTED = /(\d+) operations will run on the GPU, and the remaining (\d+) operations will run on the CPU/;
const ERROR = 'ERROR: ';
const LONGEST = 500;

/** Which part of a model the GPU took, as told while the model is compiled. */
export class Accelerated {
  private gpu = 0;
  private cpu = 0;

  read(line: string): void {
    const [, gpu, cpu] = PARTED.exec(line) ?? [];
    this.gpu += Number(gpu ?? 0);
    this.cpu += Number(cpu ?? 0);
  }

  /** `whole` is what the compiled model says: only a model that is parted has its operators counted. */
  proof(whole: boolean): Proof {
    if (whole) return {};
    const nodes = this.gpu + this.cpu;
    if (nodes === 0) return { notes: ['LiteRT.js left operators to the CPU, and did not say how many'] };
    return {
      graph_nodes: nodes,
      delegates: [
        { name: 'LiteRT WebGPU', nodes: this.gpu },
        { name: 'CPU', nodes: this.cpu },
      ],
    };
  }
}

/** The errors among these lines, each once, as one text; undefined when there is none. */
export function errorsIn(lines: readonly string[]): string | undefined {
  const errors = new Set(
    lines.filter((line) => line.startsWith(ERROR)).map((line) => line.slice(ERROR.length).trim()),
  );
  return errors.size === 0 ? undefined : [...errors].join(' ').slice(0, LONGEST);
}
