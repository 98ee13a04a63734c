// ONNX Runtime with its WebAssembly backend, as published: no module yet, and without its own version.
import ort from 'onnxruntime-web/dist/ort.wasm.min.js';
export { version } from 'onnxruntime-web/package.json';
export const { env, InferenceSession, Tensor } = ort;
