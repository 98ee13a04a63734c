// Facts that LiteRT.js only writes to its log.
import type { Proof } from '../core/types';

const PARTED = /(\d+) operations will run on the GPU, and the remaining (\d+) operations will run on the CPU/;
const ERROR = 'ERROR: ';
const LONGEST = 500;

/** The part of a model that the GPU took, from the log of compiling the model. */
export class Accelerated {
  private gpu = 0;
  private cpu = 0;

  read(line: string): void {
    const [, gpu, cpu] = PARTED.exec(line) ?? [];
    this.gpu += Number(gpu ?? 0);
    this.cpu += Number(cpu ?? 0);
  }

  /** `whole`: the compiled model says that all of it is accelerated. Operators are counted only for a divided model. */
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

/** Joins the distinct errors among these lines; undefined when there is none. */
export function errorsIn(lines: readonly string[]): string | undefined {
  const errors = new Set(
    lines.filter((line) => line.startsWith(ERROR)).map((line) => line.slice(ERROR.length).trim()),
  );
  return errors.size === 0 ? undefined : [...errors].join(' ').slice(0, LONGEST);
}
