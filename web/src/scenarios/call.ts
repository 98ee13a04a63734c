// The call page: the camera, and the parts of the interaction page below it.
import { showCamera } from './camera';
import { found } from './interaction/app';
import { usedParts } from './interaction/use';

const video = found(document, 'video') as HTMLVideoElement;
const answer = showCamera(video);

Object.assign(globalThis, {
  mobilebenchScenario: {
    ...usedParts(found(document, '.parts')),
    camera: async () => JSON.stringify(await answer),
  },
});
