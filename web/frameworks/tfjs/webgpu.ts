// TensorFlow.js for graph models with its WebGPU backend: what a page that uses only this would ship.
import '@tensorflow/tfjs-backend-webgpu';
export * from '@tensorflow/tfjs-core';
export { loadGraphModel } from '@tensorflow/tfjs-converter';
