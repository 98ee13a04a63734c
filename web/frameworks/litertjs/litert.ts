// LiteRT.js, as published; its WebAssembly builds and their glue are files of their own.
export * from '@litertjs/core';
export { version } from '@litertjs/core/package.json';
