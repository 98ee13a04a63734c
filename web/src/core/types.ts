// The records that Python and the pages exchange, and types that only the pages have.

export type * from './records.gen';

export type Values = Float32Array | Int32Array | BigInt64Array | Int8Array | Uint8Array<ArrayBuffer>;

/** The browser, the device or the engine cannot run this case: an outcome, not a failure. */
export class Unsupported extends Error {}
