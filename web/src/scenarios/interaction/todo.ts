import { element, found, keys, type App, type Step } from './app';

interface Item {
  text: string;
  done: boolean;
}

const THINGS = ['water the plants', 'call the dentist', 'buy bread', 'read two pages', 'wash the car', 'write to Kim'];
const ITEMS = 100;

type Filter = 'all' | 'open' | 'done';

/** A list of things to do, which is made anew after each change, as many pages do. */
export class Todo implements App {
  readonly name = 'todo';
  readonly root = element('section', { className: 'todo' });
  private readonly draft = element('input', { className: 'draft' });
  private readonly list = element('ul');
  private readonly count = element('span', { className: 'count' });
  private items: Item[] = [];
  private filter: Filter = 'all';

  constructor() {
    const filters = (['all', 'open', 'done'] as const).map((name) => {
      const button = element('button', { className: `filter-${name}`, text: name });
      button.addEventListener('click', () => {
        this.filter = name;
        this.show();
      });
      return button;
    });
    this.draft.addEventListener('input', () => {
      this.show();
    });
    this.draft.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' || this.draft.value === '') return;
      this.items.unshift({ text: this.draft.value, done: false });
      this.draft.value = '';
      this.show();
    });
    this.root.append(this.draft, element('p', {}, this.count, ...filters), this.list);
    this.reset();
  }

  reset(): void {
    this.items = Array.from({ length: ITEMS }, (_, i) => ({
      text: `${THINGS[i % THINGS.length] ?? ''} (${i})`,
      done: i % 7 === 3,
    }));
    this.filter = 'all';
    this.draft.value = '';
    this.show();
  }

  script(): Step[] {
    return [
      { click: () => this.draft },
      ...keys('tea'),
      { key: 'Enter', at: 'keydown' },
      { click: () => found(this.list, 'li:nth-child(1) input') },
      { click: () => found(this.list, 'li:nth-child(2) input') },
      { click: () => found(this.root, '.filter-open') },
      { click: () => found(this.root, '.filter-all') },
      { click: () => found(this.list, 'li:nth-child(1) button') },
    ];
  }

  /** Shows the items that pass the filter; those that contain the draft are marked. */
  private show(): void {
    const shown = this.items.filter((item) => this.filter === 'all' || item.done === (this.filter === 'done'));
    const draft = this.draft.value;
    this.list.replaceChildren(
      ...shown.map((item) => {
        const box = element('input');
        box.type = 'checkbox';
        box.checked = item.done;
        box.addEventListener('click', () => {
          item.done = box.checked;
          this.show();
        });
        const remove = element('button', { text: 'remove' });
        remove.addEventListener('click', () => {
          this.items = this.items.filter((one) => one !== item);
          this.show();
        });
        const marked = draft !== '' && item.text.includes(draft) ? 'marked' : '';
        const state = item.done ? 'done' : 'open';
        return element('li', { className: `${state} ${marked}` }, box, element('span', { text: item.text }), remove);
      }),
    );
    this.count.textContent = `${this.items.filter((item) => !item.done).length} of ${this.items.length} are open. `;
  }
}
