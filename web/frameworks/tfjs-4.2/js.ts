// TensorFlow.js for graph models with its backend in plain JavaScript, which it calls `cpu`.
import '@tensorflow/tfjs-backend-cpu';
export * from '@tensorflow/tfjs-core';
export { loadGraphModel } from '@tensorflow/tfjs-converter';
