// ONNX Runtime with its WebGL backend, as published.
export * from 'onnxruntime-web/webgl';
