// ONNX Runtime with its WebGPU backend, as published.
export * from 'onnxruntime-web/webgpu';
