import { Probe } from './probe';

Object.assign(globalThis, { mobilebenchProbe: new Probe() });
