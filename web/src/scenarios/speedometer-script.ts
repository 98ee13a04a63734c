import { Speedometer, type Globals } from './speedometer';

Object.assign(globalThis, { mobilebenchSpeedometer: new Speedometer(globalThis as Globals) });
