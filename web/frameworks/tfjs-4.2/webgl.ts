// TensorFlow.js for graph models with its WebGL backend: what a page that uses only this would ship.
export * from '@tensorflow/tfjs-core';
export { loadGraphModel } from '@tensorflow/tfjs-converter';
export { MathBackendWebGL } from '@tensorflow/tfjs-backend-webgl';
