// The parts of the interaction page on any page. Python asks `mobilebenchScenario.next()` what to do, and does it by real
// input.
import { Chart } from './chart';
import { RichText } from './rich-text';
import { Script } from './script';
import { Table } from './table';
import { Todo } from './todo';

/** What Python calls. */
export interface UsedParts {
  next: () => Promise<string>;
  runs: () => string;
}

/** Puts the parts into an element of the page, and returns what leads through their script. */
export function usedParts(where: Element): UsedParts {
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
  where.append(...apps.map((app) => app.root));
  return {
    next: async () => JSON.stringify(await script.next()),
    runs: () => JSON.stringify({ runs: script.runs() }),
  };
}
