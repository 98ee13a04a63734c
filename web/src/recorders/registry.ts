// The recorder of each pass.
import type { Setup } from '../core/stages';
import type { Job } from '../core/types';
import { kernelsRecorder } from './kernels';
import { memoryRecorder, PageMemoryReader } from './memory';
import { TIMING_RECORDER, type Recorder } from './recorder';
import { traceRecorder } from './trace';

/** Returns the recorder of the job's pass. `setup` is the block's setup, whose times the recorder may read. */
export function recorderFor(job: Job, setup: Pick<Setup, 'ms' | 'end'>): Recorder {
  switch (job.pass) {
    case 'kernels':
      return kernelsRecorder(job);
    case 'memory':
      return memoryRecorder(new PageMemoryReader(job.eager_memory));
    case 'trace':
      return traceRecorder(setup);
    default:
      return TIMING_RECORDER;
  }
}
