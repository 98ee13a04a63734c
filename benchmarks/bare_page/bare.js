// What one writes by hand to time a model in a page: setup in four parts, one warm-up, a loop. Nothing of mobilebench's
// pages.
const loops = { tfjs, ortjs };

/** An ONNX model of one Identity node: the runtime starts only when it is given some model. */
const IDENTITY_MODEL =
  'CAgSADo3ChAKAXgSAXkiCElkZW50aXR5EgFnWg8KAXgSCgoICAESBAoCCAFiDwoBeRIKCggIARIECgIIAUIECgAQDQ==';

const url = (file) => new URL(file, document.baseURI).href;
const bytes = async (file) => (await fetch(file)).arrayBuffer();
const parsed = (file) =>
  new Promise((onload, onerror) => {
    document.head.append(Object.assign(document.createElement('link'), { rel: 'modulepreload', href: url(file), onload, onerror }));
  });

/** Times of what is done one after the other. */
class Parts {
  ms = {};
  async time(name, work) {
    const start = performance.now();
    const value = await work();
    this.ms[name] = performance.now() - start;
    return value;
  }
}

async function tfjs({ input, output, shape, files }, values, predictions) {
  const parts = new Parts();
  const [binary] = await parts.time('framework_download', () =>
    Promise.all([bytes('frameworks/tfjs/tfjs-backend-wasm-simd.wasm'), parsed('frameworks/tfjs/wasm.js')]),
  );
  const tf = await parts.time('framework_init', async () => {
    const tf = await import('./frameworks/tfjs/wasm.js');
    tf.env().set('WASM_HAS_SIMD_SUPPORT', true);
    tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
    const wasm = URL.createObjectURL(new Blob([binary], { type: 'application/wasm' }));
    const builds = ['tfjs-backend-wasm.wasm', 'tfjs-backend-wasm-simd.wasm', 'tfjs-backend-wasm-threaded-simd.wasm'];
    tf.setWasmPaths(Object.fromEntries(builds.map((build) => [build, wasm])));
    await tf.setBackend('wasm');
    return tf;
  });
  const [graph, ...weights] = await parts.time('model_download', () => Promise.all(files.map(bytes)));
  const model = await parts.time('model_init', () => {
    const { weightsManifest, ...rest } = JSON.parse(new TextDecoder().decode(graph));
    const weightSpecs = weightsManifest.flatMap((group) => group.weights);
    return tf.loadGraphModel({ load: async () => ({ ...rest, weightSpecs, weightData: weights }) });
  });
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
  return { setup_ms: parts.ms, prediction_ms: times.slice(1) };
}

async function ortjs({ input, output, shape, files }, values, predictions) {
  const parts = new Parts();
  const glue = 'frameworks/ortjs/ort-wasm-simd-threaded';
  const [wasmBinary] = await parts.time('framework_download', () =>
    Promise.all([bytes(`${glue}.wasm`), parsed('frameworks/ortjs/wasm.js'), parsed(`${glue}.mjs`)]),
  );
  const options = { executionProviders: ['wasm'] };
  const ort = await parts.time('framework_init', async () => {
    const ort = await import('./frameworks/ortjs/wasm.js');
    Object.assign(ort.env.wasm, { numThreads: 1, wasmPaths: { mjs: url(`${glue}.mjs`) }, wasmBinary });
    const identity = Uint8Array.from(atob(IDENTITY_MODEL), (character) => character.charCodeAt(0));
    await (await ort.InferenceSession.create(identity, options)).release();
    return ort;
  });
  const [model] = await parts.time('model_download', () => Promise.all(files.map(bytes)));
  const session = await parts.time('model_init', () => ort.InferenceSession.create(new Uint8Array(model), options));
  const times = [];
  for (let i = 0; i <= predictions; i++) {
    const start = performance.now();
    const answer = await session.run({ [input]: new ort.Tensor('float32', values, shape) });
    const data = answer[output].data;
    answer[output].dispose();
    times.push(performance.now() - start);
    window.last = data;
  }
  return { setup_ms: parts.ms, prediction_ms: times.slice(1) };
}

globalThis.bare = async (engine, model, predictions) => {
  const values = new Float32Array(await bytes('input.bin'));
  return JSON.stringify(await loops[engine](model, values, predictions));
};
