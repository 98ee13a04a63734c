// ONNX Runtime with its WebGPU and WebNN backends, as published.
export * from 'onnxruntime-web/webgpu';
