import { afterEach, describe, expect, it, vi } from 'vitest';
import { EntryWatch, inputEvents } from '../src/scenarios/entries';
import { FrameWatch, tenths } from '../src/scenarios/frames';
import { VideoWatch } from '../src/scenarios/video-watch';

afterEach(() => {
  vi.unstubAllGlobals();
});

/** The frames of a browser that draws when it is told. */
function frames() {
  const asked = new Map<number, (at: number) => void>();
  let last = 0;
  vi.stubGlobal('requestAnimationFrame', (then: (at: number) => void) => {
    asked.set(++last, then);
    return last;
  });
  vi.stubGlobal('cancelAnimationFrame', (request: number) => asked.delete(request));
  return (at: number) => {
    const now = [...asked.values()];
    asked.clear();
    now.forEach((then) => {
      then(at);
    });
  };
}

describe('FrameWatch', () => {
  it('keeps the time of each frame since the beginning', () => {
    const draw = frames();
    const watch = new FrameWatch(100);
    [99, 100, 116.67, 133.33].forEach(draw);
    expect(watch.times).toEqual([0, 16.7, 33.3]);
  });

  it('keeps none after the end', () => {
    const draw = frames();
    const watch = new FrameWatch(0);
    draw(5);
    watch.stop();
    draw(20);
    expect(watch.times).toEqual([5]);
  });
});

describe('tenths', () => {
  it('are never negative', () => {
    expect(tenths(-0.3)).toBe(0);
    expect(tenths(1.26)).toBe(1.3);
  });
});

/** A browser that reports entries of these types; `report` hands entries over, `pending` are read at the end. */
function observers(types: string[]) {
  const made: { give: (list: unknown[]) => void; pending: unknown[]; options: unknown }[] = [];
  class Observer {
    static supportedEntryTypes = types;
    private readonly mine: (typeof made)[number];
    constructor(then: (list: { getEntries: () => unknown[] }) => void) {
      this.mine = {
        give: (list) => {
          then({ getEntries: () => list });
        },
        pending: [],
        options: undefined,
      };
      made.push(this.mine);
    }
    observe(options: unknown) {
      this.mine.options = options;
    }
    takeRecords() {
      return this.mine.pending;
    }
    disconnect() {
      this.mine.pending = [];
    }
  }
  vi.stubGlobal('PerformanceObserver', Observer);
  return made;
}

describe('EntryWatch', () => {
  it('keeps entries that began after the beginning, also those that come late', () => {
    const made = observers(['longtask']);
    const watch = new EntryWatch('longtask', 100, (entry, start) => [start, entry.duration]);
    made[0]?.give([
      { startTime: 90, duration: 60 },
      { startTime: 110, duration: 70 },
    ]);
    made[0]?.pending.push({ startTime: 200, duration: 80 });
    expect(watch.finish()).toEqual([
      [10, 70],
      [100, 80],
    ]);
  });

  it('says why there are none where the browser does not report them', () => {
    observers([]);
    expect(new EntryWatch('longtask', 0, () => 1).finish()).toEqual({
      why: 'this browser does not report longtask entries',
    });
  });

  it('keeps events of interactions only', () => {
    const made = observers(['event']);
    const watch = inputEvents(0);
    expect(made[0]?.options).toEqual({ type: 'event', durationThreshold: 16 });
    const entry = { name: 'click', startTime: 1, processingStart: 3, duration: 24 };
    made[0]?.give([
      { ...entry, interactionId: 7 },
      { ...entry, interactionId: 0 },
    ]);
    expect(watch.finish()).toEqual([{ name: 'click', start_ms: 1, delay_ms: 2, duration_ms: 24 }]);
  });
});

describe('VideoWatch', () => {
  it('does not count a video that failed on its way', () => {
    vi.stubGlobal(
      'IntersectionObserver',
      class {
        observe() {
          return undefined;
        }
        disconnect() {
          return undefined;
        }
      },
    );
    const video = {
      error: null as { code: number; message: string } | null,
      getVideoPlaybackQuality: () => ({ totalVideoFrames: 1, droppedVideoFrames: 0 }),
      addEventListener: () => undefined,
      removeEventListener: () => undefined,
      requestVideoFrameCallback: () => 1,
      cancelVideoFrameCallback: () => undefined,
    };
    const watch = new VideoWatch(video as unknown as HTMLVideoElement, 0);
    video.error = { code: 3, message: 'bad data' };
    expect(watch.finish()).toBe('the video failed while it was measured: bad data');
  });

  it('counts frames, those that were presented between them, and the part that is visible', () => {
    let show: (now: number, metadata: { presentedFrames: number }) => void = () => undefined;
    let seen: (entries: { intersectionRatio: number }[]) => void = () => undefined;
    class Observer {
      constructor(then: typeof seen) {
        seen = then;
      }
      observe() {
        return undefined;
      }
      disconnect() {
        return undefined;
      }
    }
    vi.stubGlobal('IntersectionObserver', Observer);
    const quality = { totalVideoFrames: 10, droppedVideoFrames: 1 };
    const video = {
      error: null,
      getVideoPlaybackQuality: () => ({ ...quality }),
      addEventListener: () => undefined,
      removeEventListener: () => undefined,
      requestVideoFrameCallback: (then: typeof show) => {
        show = then;
        return 1;
      },
      cancelVideoFrameCallback: () => undefined,
      videoWidth: 4,
      videoHeight: 3,
    };
    const watch = new VideoWatch(video as unknown as HTMLVideoElement, 100);
    seen([{ intersectionRatio: 0.8 }, { intersectionRatio: 1 }]);
    show(110, { presentedFrames: 50 });
    show(150, { presentedFrames: 53 });
    show(180, { presentedFrames: 2 });
    quality.totalVideoFrames = 20;
    quality.droppedVideoFrames = 3;
    expect(watch.finish()).toEqual({
      frames_ms: [10, 50, 80],
      presented: 5,
      decoded: 10,
      dropped: 2,
      least_visible: 0.8,
      stalls: 0,
      width: 4,
      height: 3,
    });
  });
});
