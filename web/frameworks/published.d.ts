// Files of packages that were published without types for them.
declare module 'onnxruntime-web/dist/ort.*.min.js' {
  import type * as Ort from 'onnxruntime-web';
  const ort: typeof Ort;
  export default ort;
}
