// The recorder of each pass.
import type { Setup } from '../core/stages';
import type { Job } from '../core/types';
import { kernelsRecorder } from './kernels';
import { memoryRecorder, PageMemoryReader } from './memory';
import { TIMING_RECORDER, type Recorder } from './recorder';
import { traceRecorder } from './trace';

/** `setup` is that of the block: what it holds when a part has ended. */
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
