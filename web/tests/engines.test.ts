import { describe, expect, it } from 'vitest';
import { litertjs } from '../src/engines/litertjs';
import { ortjs } from '../src/engines/ortjs';
import { Placement } from '../src/engines/placement';
import { tfjs } from '../src/engines/tfjs';
import { Unsupported, type Job } from '../src/core/types';
import { jobFor } from './job';

function job(engine: string, backend: string, wasm_build: string): Job {
  return jobFor({ engine, backend, wasm_build });
}

describe('what framework_download fetches', () => {
  it('is one binary of TensorFlow.js for each wasm build', () => {
    const binaries = ['plain', 'simd', 'simd-threads'].map((build) => tfjs.framework(job('tfjs', 'wasm', build)));
    expect(binaries.map((files) => files.binaries)).toEqual([
      ['frameworks/tfjs/tfjs-backend-wasm.wasm'],
      ['frameworks/tfjs/tfjs-backend-wasm-simd.wasm'],
      ['frameworks/tfjs/tfjs-backend-wasm-threaded-simd.wasm'],
    ]);
  });

  it.each(['webgl', 'webgpu', 'js'])('is one script of TensorFlow.js for %s', (backend) => {
    const script = `frameworks/tfjs/${backend}.js`;
    expect(tfjs.framework(job('tfjs', backend, 'default'))).toEqual({ script, modules: [], binaries: [] });
  });

  it('differs between the backends of ONNX Runtime', () => {
    const wasm = ortjs.framework(job('ortjs', 'wasm', 'simd-threads'));
    const webgpu = ortjs.framework(job('ortjs', 'webgpu', 'hardware'));
    expect(wasm.binaries).not.toEqual(webgpu.binaries);
    expect(wasm.modules).toEqual(['frameworks/ortjs/ort-wasm-simd-threaded.mjs']);
    expect(ortjs.framework(job('ortjs', 'webnn', 'npu'))).toEqual(webgpu);
    expect(ortjs.framework(job('ortjs', 'webgl', 'software')).binaries).toEqual([]);
  });

  it.each(['1.14', '1.18'])('is one of four builds of ONNX Runtime %s', (version) => {
    const folder = `frameworks/ortjs-${version}`;
    const files = ['plain', 'simd', 'threads', 'simd-threads'].map((build) =>
      ortjs.framework(job(`ortjs@${version}`, 'wasm', build)),
    );
    expect(new Set(files.map(({ script }) => script))).toEqual(new Set([`${folder}/wasm.js`]));
    expect(files.map(({ binaries }) => binaries)).toEqual([
      [`${folder}/ort-wasm.wasm`],
      [`${folder}/ort-wasm-simd.wasm`],
      [`${folder}/ort-wasm-threaded.wasm`],
      [`${folder}/ort-wasm-simd-threaded.wasm`],
    ]);
  });

  it('lies in a folder of the release', () => {
    expect(tfjs.framework(job('tfjs@4.2', 'wasm', 'simd'))).toEqual({
      script: 'frameworks/tfjs-4.2/wasm.js',
      modules: [],
      binaries: ['frameworks/tfjs-4.2/tfjs-backend-wasm-simd.wasm'],
    });
  });

  it('is refused for what an engine does not have', () => {
    expect(() => tfjs.framework(job('tfjs', 'wasm', 'threads'))).toThrow(Unsupported);
    expect(() => tfjs.framework(job('tfjs', 'webnn', 'gpu'))).toThrow(Unsupported);
    expect(() => ortjs.framework(job('ortjs', 'js', 'default'))).toThrow(Unsupported);
    expect(() => ortjs.framework(job('ortjs@1.18', 'webgpu', 'hardware'))).toThrow(Unsupported);
    expect(() => ortjs.framework(job('ortjs@1.14', 'wasm', 'relaxed-simd'))).toThrow(Unsupported);
  });
});

describe('errors that say that a model cannot run', () => {
  it.each([
    [tfjs, "Kernel 'Einsum' not registered for backend 'wasm'"],
    [tfjs, 'Requested texture size [25088x4096] greater than WebGL maximum on this browser / GPU [16384x16384].'],
    [litertjs, 'LiteRT.js cannot load this model: [model_load.cc:290] Variable tensors not yet supported.'],
    [ortjs, "resize (packed) does not support mode: 'nearest'"],
    [ortjs, "cannot resolve operator 'Reciprocal' with opsets: ai.onnx v17, ai.onnx.ml v2"],
    [ortjs, 'Failed to load model as ONNX format: Error: duplicated output name: x / as ORT format: TypeError: …'],
    [ortjs, "Failed to execute 'createContext' on 'ML': WebNN is not supported on this platform."],
    [ortjs, 'no available backend found. ERR: [webgpu] Error: Failed to get GPU adapter.'],
    [ortjs, "ERROR_CODE: 9, ERROR_MESSAGE: Could not find an implementation for Erf(13) node with name 'e'"],
  ])('are told from others', (adapter, message) => {
    expect(adapter.isUnsupported(new Error(message))).toBe(true);
    expect(adapter.isUnsupported(new Error('Aborted(OOM)'))).toBe(false);
  });
});

describe('Placement', () => {
  it('adds up the nodes of each provider in the verbose log', () => {
    const placement = new Placement();
    placement.read('2026-01-01 [V:onnxruntime:, session_state.cc:1377 VerifyEachNodeIsAssignedToAnEp] Node placements');
    placement.read('[V:x]  Node(s) placed on [WebGpuExecutionProvider]. Number of nodes: 110');
    placement.read('[V:x]  Node(s) placed on [CPUExecutionProvider]. Number of nodes: 2');
    expect(placement.proof()).toEqual({
      delegates: [
        { name: 'WebGpuExecutionProvider', nodes: 110 },
        { name: 'CPUExecutionProvider', nodes: 2 },
      ],
      graph_nodes: 112,
    });
  });

  it('claims nothing when the log says nothing', () => {
    expect(new Placement().proof()).toEqual({});
  });
});
