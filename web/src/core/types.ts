// The records that Python and the pages exchange, and what only the pages have beside them.

export type * from './records.gen';

export type Values = Float32Array | Int32Array | BigInt64Array | Int8Array | Uint8Array<ArrayBuffer>;

/** The browser, the device or the engine cannot run this case: an outcome, not a failure. */
export class Unsupported extends Error {}
