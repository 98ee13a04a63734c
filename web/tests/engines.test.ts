import { describe, expect, it } from 'vitest';
import { ortjs } from '../src/engines/ortjs';
import { Placement } from '../src/engines/placement';
import { tfjs } from '../src/engines/tfjs';
import { isSoftwareRenderer } from '../src/gpu';
import { Unsupported, type Job } from '../src/records';

function job(engine: Job['engine'], backend: string, setting: string): Job {
  return {
    engine,
    backend,
    setting,
    threads: 1,
    rule: { min_predictions: 1, max_predictions: 1, max_seconds: 1 },
    model: { file: 'model/m', parts: {}, inputs: [], outputs: [] },
  };
}

describe('what framework_download fetches', () => {
  it('is one binary of TensorFlow.js for each wasm setting', () => {
    const binaries = ['plain', 'simd', 'simd-threads'].map((setting) => tfjs.framework(job('tfjs', 'wasm', setting)));
    expect(binaries.map((files) => files.binaries)).toEqual([
      ['binaries/tfjs-backend-wasm.wasm'],
      ['binaries/tfjs-backend-wasm-simd.wasm'],
      ['binaries/tfjs-backend-wasm-threaded-simd.wasm'],
    ]);
  });

  it('differs between the backends of ONNX Runtime', () => {
    const wasm = ortjs.framework(job('ortjs', 'wasm', 'simd-threads'));
    const webgpu = ortjs.framework(job('ortjs', 'webgpu', 'hardware'));
    expect(wasm.binaries).not.toEqual(webgpu.binaries);
    expect(wasm.modules).toEqual(['binaries/ort-wasm-simd-threaded.mjs']);
  });

  it('is refused for what an engine does not have', () => {
    expect(() => tfjs.framework(job('tfjs', 'wasm', 'threads'))).toThrow(Unsupported);
    expect(() => tfjs.framework(job('tfjs', 'webgpu', 'hardware'))).toThrow(Unsupported);
    expect(() => ortjs.framework(job('ortjs', 'webgl', 'hardware'))).toThrow(Unsupported);
  });
});

describe('errors that say that a model cannot run', () => {
  it.each([
    [tfjs, "Kernel 'Einsum' not registered for backend 'wasm'"],
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

describe('isSoftwareRenderer', () => {
  it.each([
    ['ANGLE (Google, Vulkan 1.3.0 (SwiftShader Device (Subzero)), SwiftShader driver)', true],
    ['Mesa llvmpipe (LLVM 15.0.6, 256 bits)', true],
    ['Adreno (TM) 740', false],
    ['ANGLE (NVIDIA, NVIDIA GeForce RTX 3060)', false],
  ])('%s', (renderer, software) => {
    expect(isSoftwareRenderer(renderer)).toBe(software);
  });
});
