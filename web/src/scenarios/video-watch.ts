import { tenths } from './frames';
import type { Begun, VideoFrames } from '../core/records.gen';

/** A video that shows no frame within this time does not play. */
const PLAY_MS = 15_000;

const SRC_NOT_SUPPORTED = 4;
const DECODE = 3;

/** The largest video inside of the window; else the largest of the page. */
export function largestVideo(): HTMLVideoElement | undefined {
  const videos = [...document.querySelectorAll('video')];
  const sizes = new Map(videos.map((video) => [video, visibleArea(video) * 1e6 + area(video)]));
  return videos.sort((a, b) => (sizes.get(b) ?? 0) - (sizes.get(a) ?? 0))[0];
}

function area(video: HTMLVideoElement): number {
  const box = video.getBoundingClientRect();
  return box.width * box.height;
}

function visibleArea(video: HTMLVideoElement): number {
  const box = video.getBoundingClientRect();
  const width = Math.min(box.right, innerWidth) - Math.max(box.left, 0);
  const height = Math.min(box.bottom, innerHeight) - Math.max(box.top, 0);
  return Math.max(width, 0) * Math.max(height, 0);
}

/**
 * Makes the video play without sound, inside of the window, and waits for a frame.
 * @param start whether to start a video that is paused
 */
export async function playing(video: HTMLVideoElement, start: boolean): Promise<Begun> {
  if (typeof video.requestVideoFrameCallback !== 'function') {
    return { video: 'not playing', why: 'this browser has no requestVideoFrameCallback' };
  }
  const failed = failureOf(video.error);
  if (failed) return failed;
  if (video.paused && !start) return { video: 'not playing', why: 'the video of the page is paused' };
  video.scrollIntoView({ block: 'center', behavior: 'instant' });
  if (video.paused) {
    video.muted = true;
    try {
      await within(video.play(), PLAY_MS);
    } catch (error) {
      return failureOf(video.error) ?? { video: 'not playing', why: words(error) };
    }
  }
  try {
    await within(nextFrame(video), PLAY_MS);
  } catch (error) {
    return failureOf(video.error) ?? { video: 'not playing', why: words(error) };
  }
  return { video: 'playing' };
}

function failureOf(error: MediaError | null): Begun | undefined {
  if (error === null) return undefined;
  const undecodable = error.code === SRC_NOT_SUPPORTED || error.code === DECODE;
  const why = (error.message || `media error ${error.code}`).slice(0, 400);
  return { video: undecodable ? 'undecodable' : 'not playing', why };
}

function nextFrame(video: HTMLVideoElement): Promise<void> {
  return new Promise((resolve, reject) => {
    video.requestVideoFrameCallback(() => {
      resolve();
    });
    video.addEventListener('error', () => {
      reject(new Error('it failed while it was decoded'));
    });
  });
}

function within<T>(work: Promise<T>, ms: number): Promise<T> {
  return Promise.race([
    work,
    new Promise<T>((_, reject) => {
      setTimeout(() => {
        reject(new Error(`no frame was shown within ${ms / 1000} s`));
      }, ms);
    }),
  ]);
}

function words(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, 400);
}

/** Counts the frames of a playing video. */
export class VideoWatch {
  private readonly times: number[] = [];
  private readonly first: VideoPlaybackQuality;
  private presentedBefore: number | undefined;
  private presented = 0;
  private leastVisible = 1;
  private stalls = 0;
  private readonly observer: IntersectionObserver;
  private request: number;

  constructor(
    private readonly video: HTMLVideoElement,
    private readonly began: number,
  ) {
    this.first = video.getVideoPlaybackQuality();
    this.observer = new IntersectionObserver(
      (entries) => {
        for (const entry of entries) this.leastVisible = Math.min(this.leastVisible, entry.intersectionRatio);
      },
      { threshold: [0, 0.25, 0.5, 0.75, 0.9] },
    );
    this.observer.observe(video);
    video.addEventListener('waiting', this.waits);
    this.request = this.ask();
  }

  /** What was shown, or why it does not count: the video failed on its way. */
  finish(): VideoFrames | string {
    this.video.cancelVideoFrameCallback(this.request);
    this.observer.disconnect();
    this.video.removeEventListener('waiting', this.waits);
    const failed = failureOf(this.video.error);
    if (failed) return `the video failed while it was measured: ${failed.why ?? 'no reason is given'}`;
    const last = this.video.getVideoPlaybackQuality();
    return {
      frames_ms: this.times,
      presented: this.presented,
      decoded: Math.max(0, last.totalVideoFrames - this.first.totalVideoFrames),
      dropped: Math.max(0, last.droppedVideoFrames - this.first.droppedVideoFrames),
      least_visible: Math.min(1, Math.max(0, this.leastVisible)),
      stalls: this.stalls,
      width: this.video.videoWidth,
      height: this.video.videoHeight,
    };
  }

  private readonly waits = () => {
    this.stalls++;
  };

  private ask(): number {
    return this.video.requestVideoFrameCallback((now, metadata) => {
      if (now >= this.began) this.times.push(tenths(now - this.began));
      // The count begins anew when the page gives the video another source.
      const more = metadata.presentedFrames - (this.presentedBefore ?? metadata.presentedFrames - 1);
      this.presented += Math.max(more, 1);
      this.presentedBefore = metadata.presentedFrames;
      this.request = this.ask();
    });
  }
}
