import type { CameraAnswer } from '../core/records.gen';

/** A question to the user that nobody answers within this time counts as refused. */
const ANSWER_MS = 45_000;

const WANTED: MediaStreamConstraints = {
  audio: false,
  video: { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30 } },
};

/** Shows the camera in a video, and says which it is, or why there is none. */
export async function showCamera(video: HTMLVideoElement): Promise<CameraAnswer> {
  // Browsers offer cameras to secure pages only.
  const devices = navigator.mediaDevices as MediaDevices | undefined;
  if (devices === undefined) return { camera: 'none', error: 'InsecureContext', why: 'the page is not secure' };
  try {
    const stream = await inTime(devices.getUserMedia(WANTED));
    video.srcObject = stream;
    await inTime(video.play());
    return { camera: 'running', label: (stream.getVideoTracks()[0]?.label ?? '').slice(0, 200) };
  } catch (error) {
    const { name, message } = error instanceof Error ? error : { name: '', message: String(error) };
    return { camera: 'none', error: name.slice(0, 60), why: message.slice(0, 400) };
  }
}

function inTime<T>(work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new DOMException(`nothing happened within ${ANSWER_MS / 1000} s`, 'TimeoutError'));
    }, ANSWER_MS);
    work.then(resolve, reject).finally(() => {
      clearTimeout(timer);
    });
  });
}
