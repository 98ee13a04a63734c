// Builds the pages into the Python package: the bench page, one self-contained file for each backend of each release of
// a framework (so that what `framework_download` fetches is that and nothing else), the frameworks' own binaries,
// unchanged, and the script of the report's figures. `node build.js FOLDER` builds them elsewhere.
import { execFileSync } from 'node:child_process';
import { copyFile, mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { argv } from 'node:process';
import { build } from 'vite';

const root = import.meta.dirname;
const sources = join(root, 'frameworks');
const assets = join(root, '..', 'mobilebench', 'assets');
const out = resolve(argv[2] ?? join(assets, 'web'));
const unfinished = `${out}.unfinished`;

const tfjs = ['', '-simd', '-threaded-simd'].map(
  (kind) => `@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm${kind}.wasm`,
);
const fourBuilds = ['', '-simd', '-threaded', '-simd-threaded'].map((kind) => `onnxruntime-web/dist/ort-wasm${kind}.wasm`);

/**
 * Release of a framework to its binaries. A release is a folder of `frameworks` with one script for each backend; older
 * ones carry their version in their name, and are npm workspaces with packages of their own.
 * @type {Record<string, string[]>}
 */
const releases = {
  tfjs,
  'tfjs-4.2': tfjs,
  ortjs: ['ort-wasm-simd-threaded', 'ort-wasm-simd-threaded.asyncify'].flatMap((name) =>
    ['mjs', 'wasm'].map((kind) => `onnxruntime-web/dist/${name}.${kind}`),
  ),
  'ortjs-1.18': fourBuilds,
  'ortjs-1.14': fourBuilds,
  litertjs: ['compat_internal', 'internal', 'threaded_internal', 'jspi_internal'].flatMap((name) =>
    ['js', 'wasm'].map((kind) => `@litertjs/core/wasm/litert_wasm_${name}.${kind}`),
  ),
};

/** @returns {import('vite').InlineConfig} */
const common = () => ({
  root,
  base: './',
  configFile: false,
  logLevel: 'warn',
  publicDir: false,
  build: {
    target: 'chrome109',
    outDir: unfinished,
    emptyOutDir: false,
    modulePreload: false,
    reportCompressedSize: false,
    chunkSizeWarningLimit: 4096,
  },
});

/**
 * @param {string} name
 * @param {string} folder where the page is, and where it is put; empty or with a slash at its end
 */
async function buildPage(name, folder = '') {
  const config = common();
  await build({
    ...config,
    build: {
      ...config.build,
      rolldownOptions: {
        input: join(root, folder, `${name}.html`),
        output: { entryFileNames: `${folder}[name].js`, assetFileNames: `${folder}[name][extname]` },
      },
    },
  });
}

/** Builds the script that runs the frameworks outside of any page. */
async function buildNodeScript() {
  const config = common();
  await build({
    ...config,
    build: {
      ...config.build,
      target: 'node20',
      ssr: join(root, 'src', 'node', 'run.ts'),
      rolldownOptions: { output: { entryFileNames: 'node.mjs' } },
    },
  });
}

/**
 * @param {string} release
 * @param {string} script
 */
async function buildFramework(release, script) {
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
      outDir: join(unfinished, 'frameworks', release),
      lib: {
        entry: join(sources, release, script),
        formats: ['es'],
        fileName: () => script.replace(/\.ts$/, '.js'),
      },
      // Names stay: frameworks start their workers from the text of one of their functions.
      rolldownOptions: {
        // One of ONNX Runtime's dependencies uses it.
        checks: { eval: false },
        output: { minify: { compress: false, mangle: false, codegen: { removeWhitespace: true } } },
      },
    },
  });
}

/**
 * Builds one script that needs no other file, with the licences of what is in it. It may stand inside a page, so it does
 * not end the page's element early.
 * @param {string} entry below `src`
 * @param {string} file where it is put
 * @param {string} name the global that holds what it exports
 */
async function buildScript(entry, file, name) {
  const config = common();
  const built = await build({
    ...config,
    build: {
      ...config.build,
      lib: { entry: join(root, 'src', entry), formats: ['iife'], name, fileName: () => file },
    },
  });
  const outputs = (Array.isArray(built) ? built : [built]).flatMap((one) => ('output' in one ? one.output : []));
  const modules = outputs.flatMap((one) => (one.type === 'chunk' ? one.moduleIds : []));
  const script = outputs.flatMap((one) => (one.type === 'chunk' ? [one.code] : [])).join('');
  const safe = script.replace(/<(?=\/script|!--)/gi, '\\x3C');
  await writeFile(join(unfinished, file), `${await licences(modules)}\n${safe}`);
}

/**
 * A comment with the licences of the packages that these modules are from; packages of one text are listed together.
 * @param {string[]} modules
 */
async function licences(modules) {
  const names = new Set(modules.flatMap((id) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(id)?.[1] ?? []));
  /** @type {Map<string, string[]>} */
  const texts = new Map();
  for (const name of [...names].sort()) {
    const folder = join(root, 'node_modules', name);
    const file = (await readdir(folder)).find((one) => /^licen[cs]e/i.test(one));
    if (file === undefined) throw new Error(`${name} has no licence file`);
    const text = (await readFile(join(folder, file), 'utf8')).trim().replaceAll('*/', '* /');
    texts.set(text, [...(texts.get(text) ?? []), name]);
  }
  return `/*!\n${[...texts].map(([text, of]) => `${of.join(', ')}:\n\n${text}`).join('\n\n')}\n*/`;
}

/**
 * @param {string} release
 * @param {string} file
 */
async function copyBinary(release, file) {
  const packages = release.includes('-') ? join(sources, release) : root;
  await copyFile(join(packages, 'node_modules', file), join(unfinished, 'frameworks', release, basename(file)));
}

const built = execFileSync(join(root, '..', 'scripts', 'sources.sh'), ['web']);
await rm(unfinished, { recursive: true, force: true });
await mkdir(unfinished, { recursive: true });
await buildPage('bench');
await buildPage('manual');
for (const name of ['call', 'frames', 'interaction', 'typing', 'video']) await buildPage(name, 'scenarios/');
await buildNodeScript();
await buildScript('report/figures.ts', 'report-figures.js', 'figures');
// The probe: Python evaluates it in any page.
await buildScript('scenarios/probe-script.ts', 'scenarios/probe.js', 'mobilebenchProbeScript');
// What drives Speedometer in its own page.
await buildScript('scenarios/speedometer-script.ts', 'scenarios/speedometer.js', 'mobilebenchSpeedometerScript');
// What infers in any page, and what counts frames there.
await buildScript('scenarios/inference/inference.ts', 'injected-inference.js', 'inferenceScript');
await buildScript('scenarios/inference/frames.ts', 'injected-frames.js', 'framesScript');
for (const [release, binaries] of Object.entries(releases)) {
  const scripts = (await readdir(join(sources, release))).filter((name) => name.endsWith('.ts'));
  for (const script of scripts) await buildFramework(release, script);
  for (const file of binaries) await copyBinary(release, file);
}
await rm(out, { recursive: true, force: true });
await rename(unfinished, out);
if (argv[2] === undefined) {
  // `make web` and `mobilebench run` compare them with the sources as they are then.
  await mkdir(join(assets, 'sources'), { recursive: true });
  await writeFile(join(assets, 'sources', 'web'), built);
}
