import { describe, expect, it } from 'vitest';
import { downloadsIn } from '../src/core/network';

const base = 'http://127.0.0.1:1/token/';
const timing = (name: string, changes: object = {}) => ({
  name: base + name,
  startTime: 10,
  requestStart: 12,
  responseEnd: 15,
  transferSize: 400,
  encodedBodySize: 100,
  decodedBodySize: 300,
  ...changes,
});

describe('what the browser noted of downloads', () => {
  it('is told by name below the page, from the request to the last byte, in the order of their beginning', () => {
    const later = timing('model/a%20b.bin', { startTime: 20, requestStart: 21, responseEnd: 25 });
    expect(downloadsIn([later, timing('bench.js')], base, 8)).toEqual([
      { name: 'bench.js', bytes: 100, decoded_bytes: 300, start_ms: 2, page_ms: 3, from_cache: false },
      { name: 'model/a b.bin', bytes: 100, decoded_bytes: 300, start_ms: 12, page_ms: 4, from_cache: false },
    ]);
  });

  it('leaves out turns and what comes from elsewhere', () => {
    expect(downloadsIn([timing('turn'), { ...timing('x'), name: 'blob:http://127.0.0.1:1/1' }], base, 0)).toEqual([]);
  });

  it('knows a cached file, with or without the word for it', () => {
    const cached = timing('a', { transferSize: 0, requestStart: 0 });
    expect(downloadsIn([cached], base, 0)).toMatchObject([{ from_cache: true, page_ms: 5 }]);
    expect(downloadsIn([timing('a', { deliveryType: 'cache' })], base, 0)).toMatchObject([{ from_cache: true }]);
  });
});
