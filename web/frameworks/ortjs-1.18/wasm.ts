// ONNX Runtime with its WebAssembly backend, as published.
export * from 'onnxruntime-web/wasm';
