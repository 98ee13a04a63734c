// The interaction page. Python asks `mobilebenchScenario.next()` what to do, and does it by real input.
import { Chart } from './chart';
import { RichText } from './rich-text';
import { Script } from './script';
import { Table } from './table';
import { Todo } from './todo';

const channel = new MessageChannel();
const waiting: (() => void)[] = [];
channel.port1.onmessage = () => waiting.shift()?.();

const free = (then: () => void) => {
  waiting.push(then);
  channel.port2.postMessage(undefined);
};
const settled = () =>
  new Promise<void>((resolve) => {
    requestAnimationFrame(() => {
      free(resolve);
    });
  });

const apps = [new Todo(), new Table(), new Chart(), new RichText()];
const script = new Script(apps, settled, free);
document.querySelector('main')?.append(...apps.map((app) => app.root));

Object.assign(globalThis, {
  mobilebenchScenario: {
    next: async () => JSON.stringify(await script.next()),
    runs: () => JSON.stringify({ runs: script.runs() }),
  },
});
