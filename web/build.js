// Builds the pages into the Python package: the bench page, one self-contained file per framework (so that what
// `framework_download` fetches is that framework and nothing else), and the frameworks' own binaries, unchanged.
import { copyFile, mkdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { build } from 'vite';

const root = import.meta.dirname;
const out = join(root, '..', 'mobilebench', 'assets', 'web');
const frameworks = ['tfjs-wasm', 'tfjs-webgl', 'ort-wasm', 'ort-webgpu', 'litertjs'];
const binaries = [
  '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm',
  '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm',
  '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm',
  'onnxruntime-web/dist/ort-wasm-simd-threaded.mjs',
  'onnxruntime-web/dist/ort-wasm-simd-threaded.wasm',
  'onnxruntime-web/dist/ort-wasm-simd-threaded.asyncify.mjs',
  'onnxruntime-web/dist/ort-wasm-simd-threaded.asyncify.wasm',
  ...['compat_internal', 'internal', 'threaded_internal', 'jspi_internal'].flatMap((name) =>
    ['js', 'wasm'].map((kind) => `@litertjs/core/wasm/litert_wasm_${name}.${kind}`),
  ),
];

/** @returns {import('vite').InlineConfig} */
const common = () => ({
  root,
  base: './',
  configFile: false,
  logLevel: 'warn',
  publicDir: false,
  build: { target: 'chrome109', outDir: out, emptyOutDir: false, modulePreload: false, reportCompressedSize: false },
});

/** @param {string} name */
async function buildPage(name) {
  const config = common();
  await build({
    ...config,
    build: {
      ...config.build,
      rolldownOptions: {
        input: join(root, `${name}.html`),
        output: { entryFileNames: '[name].js', assetFileNames: '[name][extname]' },
      },
    },
  });
}

/** @param {string} name */
async function buildFramework(name) {
  const config = common();
  await build({
    ...config,
    // ONNX Runtime without its glue built in: the glue is fetched as the file that the package ships.
    resolve: {
      conditions: ['onnxruntime-web-use-extern-wasm', 'module', 'browser'],
      // The package's own entry imports a file without its ending.
      alias: { '@litertjs/wasm-utils': '@litertjs/wasm-utils/dist/bundle.js' },
    },
    build: {
      ...config.build,
      outDir: join(out, 'frameworks'),
      lib: { entry: join(root, 'src', 'frameworks', `${name}.ts`), formats: ['es'], fileName: () => `${name}.js` },
      // Names stay: TensorFlow.js starts its workers from the text of one of its functions.
      rolldownOptions: { output: { minify: { compress: false, mangle: false, codegen: { removeWhitespace: true } } } },
    },
  });
}

await rm(out, { recursive: true, force: true });
await mkdir(join(out, 'binaries'), { recursive: true });
await buildPage('bench');
for (const name of frameworks) await buildFramework(name);
for (const file of binaries) await copyFile(join(root, 'node_modules', file), join(out, 'binaries', basename(file)));
