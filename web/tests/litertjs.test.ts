import { afterEach, describe, expect, it, vi } from 'vitest';
import { litertjs } from '../src/engines/litertjs';
import { Accelerated, errorsIn } from '../src/engines/litertlog';
import { PthreadWatch } from '../src/engines/pthreads';
import { formatNames, readSignature } from '../src/engines/signature';
import { Unsupported, type Job } from '../src/core/types';
import { jobFor } from './job';

/**
 * A .tflite file of three tensors without operators. Its signature `other` belongs to another graph, and its
 * signature `serving_default` names `serving_default_ids:0` ids, `Identity:0` first and `Identity:1` second.
 */
const WITH_SIGNATURES =
  'HAAAAFRGTDMUABQAEAAAAAwAAAAIAAAAAAAEABQAAAAQAAAA+AAAAAQBAAADAAAAAgAAAKQAAAAQAAAAAAAKABAADAAIAAQACgAAAAwAAAAcAA' +
  'AAXAAAAA8AAABzZXJ2aW5nX2RlZmF1bHQAAgAAACgAAAAEAAAA6P///wEAAAAEAAAABgAAAHNlY29uZAAACAAMAAgABAAIAAAAAgAAAAQAAAAF' +
  'AAAAZmlyc3QAAAABAAAABAAAALL///8EAAAAAwAAAGlkcwAAAA4AFAAQAAwACAAAAAQADgAAAAEAAAAMAAAAFAAAABQAAAAFAAAAb3RoZXIAAA' +
  'AAAAAAAQAAAAwAAAAAAAYACAAEAAYAAAAEAAAAAQAAAHgAAAABAAAACAAAAAQABAAEAAAAAQAAABAAAAAMABQAEAAMAAgABAAMAAAAEAAAABAA' +
  'AAAYAAAAHAAAAAAAAAACAAAAAQAAAAIAAAABAAAAAAAAAAMAAABgAAAALAAAAAQAAAC4////CAAAABQAAAAKAAAASWRlbnRpdHk6MAAAAQAAAA' +
  'EAAADc////CAAAABQAAAAKAAAASWRlbnRpdHk6MQAAAQAAAAEAAAAMAAwACAAAAAAABAAMAAAACAAAACAAAAAVAAAAc2VydmluZ19kZWZhdWx0' +
  'X2lkczowAAAAAQAAAAEAAAA=';

/** The same without signatures. */
const WITHOUT_SIGNATURES =
  'GAAAAFRGTDMAAA4AEAAMAAAACAAAAAQADgAAAAwAAAAYAAAAAwAAAAEAAAAIAAAABAAEAAQAAAABAAAAEAAAAAwAFAAQAAwACAAEAAwAAAAQAA' +
  'AAEAAAABgAAAAcAAAAAAAAAAIAAAABAAAAAgAAAAEAAAAAAAAAAwAAAGAAAAAsAAAABAAAALj///8IAAAAFAAAAAoAAABJZGVudGl0eTowAAAB' +
  'AAAAAQAAANz///8IAAAAFAAAAAoAAABJZGVudGl0eToxAAABAAAAAQAAAAwADAAIAAAAAAAEAAwAAAAIAAAAIAAAABUAAABzZXJ2aW5nX2RlZm' +
  'F1bHRfaWRzOjAAAAABAAAAAQAAAA==';

function bytes(base64: string): ArrayBuffer {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)).buffer;
}

function job(backend: string, wasm_build: string): Job {
  const model = { file: 'model/m.tflite', parts: {}, inputs: [], outputs: [] };
  return jobFor({ engine: 'litertjs', backend, wasm_build, model });
}

describe('what framework_download fetches of LiteRT.js', () => {
  it.each([
    ['wasm', 'simd', 'litert_wasm_compat_internal'],
    ['wasm', 'relaxed-simd', 'litert_wasm_internal'],
    ['wasm', 'relaxed-simd-threads', 'litert_wasm_threaded_internal'],
    ['webgpu', 'hardware', 'litert_wasm_jspi_internal'],
    ['webgpu', 'software', 'litert_wasm_jspi_internal'],
  ])('is one build for %s %s', (backend, chosen, build) => {
    expect(litertjs.framework(job(backend, chosen))).toEqual({
      script: 'frameworks/litertjs/litert.js',
      modules: [],
      binaries: [`frameworks/litertjs/${build}.js`, `frameworks/litertjs/${build}.wasm`],
    });
  });

  it.each([
    ['wasm', 'simd-threads'],
    ['wasm', 'plain'],
    ['webgl', 'hardware'],
  ])('is refused for %s %s', (backend, chosen) => {
    expect(() => litertjs.framework(job(backend, chosen))).toThrow(Unsupported);
  });
});

describe('the signature of a .tflite file', () => {
  it('is that of the first graph', () => {
    const signature = readSignature(bytes(WITH_SIGNATURES));
    expect(signature?.key).toBe('serving_default');
    expect([...(signature?.inputs ?? [])]).toEqual([['serving_default_ids:0', 'ids']]);
    expect(signature?.outputs).toEqual(
      new Map([
        ['Identity:0', 'first'],
        ['Identity:1', 'second'],
      ]),
    );
  });

  it('may be missing', () => {
    expect(readSignature(bytes(WITHOUT_SIGNATURES))).toBeUndefined();
  });

  it('is never read past the end of the file', () => {
    const whole = bytes(WITH_SIGNATURES);
    for (let length = 0; length < whole.byteLength - 16; length++) {
      expect(() => readSignature(whole.slice(0, length))).toThrow(RangeError);
    }
  });

  it('is read or refused, whatever the bytes', () => {
    const whole = new Uint8Array(bytes(WITH_SIGNATURES));
    for (let at = 0; at < whole.length; at++) {
      for (const value of [0, 1, 0x7f, 0xff]) {
        const changed = whole.slice();
        changed[at] = value;
        try {
          readSignature(changed.buffer);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }
    }
  });
});

describe('formatNames', () => {
  const wanted = [{ format_name: 'serving_default_ids:0' }];

  it('goes by the signature', () => {
    const signature = new Map([['serving_default_ids:0', 'ids']]);
    expect([...formatNames('input', wanted, [{ name: 'mask' }, { name: 'ids' }], signature)]).toEqual([
      ['serving_default_ids:0', 'ids'],
    ]);
  });

  it('takes the name of the tensor where there is no signature', () => {
    const known = [{ name: 'serving_default_ids:0' }];
    expect(formatNames('input', wanted, known).get('serving_default_ids:0')).toBe('serving_default_ids:0');
  });

  it('names what there is when a tensor is missing', () => {
    expect(() => formatNames('output', wanted, [{ name: 'a' }, { name: 'b' }])).toThrow(
      'The model has no output serving_default_ids:0; it has a, b.',
    );
  });
});

describe('the log', () => {
  it('tells how a model is parted between GPU and CPU', () => {
    const accelerated = new Accelerated();
    accelerated.read('ERROR: Following operations are not supported by GPU delegate:');
    accelerated.read('93 operations will run on the GPU, and the remaining 9 operations will run on the CPU.');
    expect(accelerated.proof(false)).toEqual({
      graph_nodes: 102,
      delegates: [
        { name: 'LiteRT WebGPU', nodes: 93 },
        { name: 'CPU', nodes: 9 },
      ],
    });
  });

  it('is silent about a model that the GPU took whole, and a note says so of any other', () => {
    expect(new Accelerated().proof(true)).toEqual({});
    expect(new Accelerated().proof(false).notes).toHaveLength(1);
  });

  it('holds each error once', () => {
    const lines = ['INFO: Created.', 'ERROR: Encountered unresolved custom op: Erfc.', 'ERROR: Node number 0 failed.'];
    const errors = errorsIn([...lines, ...lines]);
    expect(errors).toBe('Encountered unresolved custom op: Erfc. Node number 0 failed.');
    expect(litertjs.isUnsupported(new Error(errors))).toBe(true);
    expect(errorsIn(['INFO: Created.', 'WARNING: ERROR: quoted'])).toBeUndefined();
  });

  it('differs between what the engine lacks and what is broken', () => {
    expect(litertjs.isUnsupported(new Error('Element type INT64 is not supported.'))).toBe(true);
    expect(litertjs.isUnsupported(new Error('Failed to load model from buffer'))).toBe(false);
  });
});

describe('PthreadWatch', () => {
  afterEach(() => {
    vi.unstubAllGlobals();
  });

  it('counts the threads that are started, and lets every message through', () => {
    const sent: unknown[] = [];
    vi.stubGlobal(
      'Worker',
      class {
        postMessage(message: unknown) {
          sent.push(message);
        }
      },
    );
    const watch = new PthreadWatch();
    const worker = new Worker('w.js');
    const messages = [{ cmd: 1 }, 'text', null, { cmd: 2, start_routine: 7 }, { cmd: 2, start_routine: 8 }];
    for (const message of messages) worker.postMessage(message);
    expect(sent).toEqual(messages);
    expect(watch.started).toBe(2);
  });

  it('can be waited for, but not for ever', async () => {
    vi.stubGlobal(
      'Worker',
      class {
        postMessage() {
          return undefined;
        }
      },
    );
    const watch = new PthreadWatch();
    const worker = new Worker('w.js');
    await watch.reach(0, 60_000);
    const reached = watch.reach(2, 60_000);
    worker.postMessage({ start_routine: 1 });
    worker.postMessage({ start_routine: 2 });
    await reached;
    await watch.reach(3, 1);
    expect(watch.started).toBe(2);
  });
});
