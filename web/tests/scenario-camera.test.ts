import { afterEach, describe, expect, it, vi } from 'vitest';
import { showCamera } from '../src/scenarios/camera';

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

/** A browser whose cameras answer like this, or which has no cameras at all. */
function cameras(getUserMedia?: () => Promise<unknown>) {
  vi.stubGlobal('navigator', { mediaDevices: getUserMedia && { getUserMedia } });
}

function video(play: () => Promise<void> = () => Promise.resolve()) {
  return { play, srcObject: null } as unknown as HTMLVideoElement;
}

const stream = { getVideoTracks: () => [{ label: 'front' }] };

describe('showCamera', () => {
  it('shows the camera in the video', async () => {
    cameras(() => Promise.resolve(stream));
    const shown = video();
    await expect(showCamera(shown)).resolves.toEqual({ camera: 'running', label: 'front' });
    expect(shown.srcObject).toBe(stream);
  });

  it('gives the name of the refusal', async () => {
    cameras(() => Promise.reject(new DOMException('Permission denied', 'NotAllowedError')));
    await expect(showCamera(video())).resolves.toEqual({
      camera: 'none',
      error: 'NotAllowedError',
      why: 'Permission denied',
    });
  });

  it('says when a video cannot be played', async () => {
    cameras(() => Promise.resolve(stream));
    const answer = showCamera(video(() => Promise.reject(new DOMException('no source', 'NotSupportedError'))));
    await expect(answer).resolves.toMatchObject({ camera: 'none', error: 'NotSupportedError' });
  });

  it('gives up a question that nobody answers', async () => {
    vi.useFakeTimers();
    cameras(() => new Promise(() => undefined));
    const answer = showCamera(video());
    await vi.runAllTimersAsync();
    await expect(answer).resolves.toMatchObject({ camera: 'none', error: 'TimeoutError' });
  });

  it('knows pages that get no camera at all', async () => {
    cameras();
    await expect(showCamera(video())).resolves.toMatchObject({ camera: 'none', error: 'InsecureContext' });
  });
});
