// The interaction page.
import { found } from './app';
import { usedParts } from './use';

Object.assign(globalThis, { mobilebenchScenario: usedParts(found(document, 'main')) });
