// A trace pass: the stages appear in the browser's own trace, as user timing measures.
import type { SetupPart } from '../core/types';
import { timed, type Setup, type Timed } from '../core/stages';
import { TIMING_RECORDER, type Recorder } from './recorder';

/** Prefix of the name of every measure. */
export const PREFIX = 'mobilebench:';

/** Writes a span of the page's clock into the trace. `position` numbers the spans of one name. */
export type Mark = (name: string, start: number, end: number, position?: number) => void;

const measure: Mark = (name, start, end, position) => {
  performance.measure(PREFIX + name, { start, end, detail: position === undefined ? null : { position } });
  performance.clearMeasures(PREFIX + name);
};

/** Writes each mark after its stage has ended, from the times that were measured anyway. */
export function traceRecorder(setup: Pick<Setup, 'ms' | 'end'>, mark: Mark = measure): Recorder {
  let begin: number | undefined;
  let predictions = 0;
  const marked = <T>(name: string, { ms, end }: Timed<T>, position?: number): void => {
    mark(name, end - ms, end, position);
  };
  return {
    ...TIMING_RECORDER,
    ended(stage) {
      const ms = setup.ms[stage as SetupPart];
      if (ms !== undefined) {
        begin ??= setup.end - ms;
        mark(stage, setup.end - ms, setup.end);
      }
      return Promise.resolve();
    },
    loaded() {
      if (begin !== undefined) mark('setup', begin, setup.end);
    },
    async first(predict) {
      const inference = await timed(predict);
      marked('warmup', inference);
      return inference;
    },
    async later(predict, clock) {
      const inference = await timed(predict, clock);
      marked('prediction', inference, predictions);
      predictions += 1;
      return inference;
    },
  };
}
