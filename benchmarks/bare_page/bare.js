// What one writes by hand to time a model in a page: load, one warm-up, a loop. Nothing of mobilebench's pages.
const loops = { tfjs, ortjs };

async function tfjs({ input, output, shape, values }, predictions) {
  const tf = await import('./frameworks/tfjs/wasm.js');
  tf.env().set('WASM_HAS_SIMD_SUPPORT', true);
  tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
  tf.setWasmPaths(new URL('frameworks/tfjs/', document.baseURI).href);
  await tf.setBackend('wasm');
  const model = await tf.loadGraphModel('model/tfjs/model.json');
  const times = [];
  for (let i = 0; i <= predictions; i++) {
    const start = performance.now();
    const x = tf.tensor(values, shape);
    const y = model.execute({ [input]: x }, output);
    const answer = y.dataSync();
    x.dispose();
    y.dispose();
    times.push(performance.now() - start);
    window.last = answer;
  }
  return times.slice(1);
}

async function ortjs({ input, output, shape, values }, predictions) {
  const ort = await import('./frameworks/ortjs/wasm.js');
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = new URL('frameworks/ortjs/', document.baseURI).href;
  const model = await (await fetch('model/model.onnx')).arrayBuffer();
  const session = await ort.InferenceSession.create(new Uint8Array(model), { executionProviders: ['wasm'] });
  const times = [];
  for (let i = 0; i <= predictions; i++) {
    const start = performance.now();
    const answer = await session.run({ [input]: new ort.Tensor('float32', values, shape) });
    const data = answer[output].data;
    answer[output].dispose();
    times.push(performance.now() - start);
    window.last = data;
  }
  return times.slice(1);
}

globalThis.bare = async (engine, names, predictions) => {
  const values = new Float32Array(await (await fetch('input.bin')).arrayBuffer());
  return JSON.stringify(await loops[engine]({ ...names, values }, predictions));
};
