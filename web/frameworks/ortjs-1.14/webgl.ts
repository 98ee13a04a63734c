// ONNX Runtime with its WebGL backend, as published: no module yet, and without its own version.
import ort from 'onnxruntime-web/dist/ort.webgl.min.js';
export { version } from 'onnxruntime-web/package.json';
export const { env, InferenceSession, Tensor } = ort;
