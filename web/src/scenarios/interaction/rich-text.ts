import { element, found, keys, numbers, type App, type Step } from './app';

const PARAGRAPHS = 40;
const WORDS = 'a page that is used often should answer at once and draw each change before anybody waits for it'.split(' ');

/** A text that can be written and formatted, with an outline and a count of its words. */
export class RichText implements App {
  readonly name = 'rich-text';
  readonly root = element('section', { className: 'rich-text' });
  private readonly text = element('div', { className: 'text' });
  private readonly outline = element('ol');
  private readonly count = element('span', { className: 'count' });

  constructor() {
    const tools = [
      this.tool('bold', (paragraph) => paragraph.classList.toggle('bold')),
      this.tool('heading', (paragraph) => {
        const heading = element('h3');
        heading.append(...paragraph.childNodes);
        paragraph.replaceWith(heading);
        getSelection()?.collapse(heading, heading.childNodes.length);
      }),
      this.tool('mark', mark),
    ];
    this.text.contentEditable = 'true';
    this.text.spellcheck = false;
    this.text.addEventListener('input', () => {
      this.changed();
    });
    this.root.append(element('p', {}, ...tools, this.count), this.text, this.outline);
    this.reset();
  }

  reset(): void {
    const random = numbers(23);
    const words = () => Array.from({ length: 40 }, () => WORDS[Math.floor(random() * WORDS.length)]).join(' ');
    this.text.replaceChildren(...Array.from({ length: PARAGRAPHS }, () => element('p', { text: words() })));
    this.changed();
  }

  script(): Step[] {
    return [
      { click: () => found(this.text, 'p') },
      ...keys('ready '),
      { click: () => found(this.root, '.tool-bold') },
      { click: () => found(this.root, '.tool-mark') },
      { key: 'Enter', at: 'input' },
      ...keys('ok'),
      { key: 'Backspace', at: 'input' },
      { click: () => found(this.root, '.tool-heading') },
    ];
  }

  /** A button that changes the paragraph with the cursor. It leaves the cursor where it is. */
  private tool(name: string, change: (paragraph: HTMLElement) => void): HTMLButtonElement {
    const button = element('button', { className: `tool-${name}`, text: name });
    button.addEventListener('mousedown', (event) => {
      event.preventDefault();
    });
    button.addEventListener('click', () => {
      const paragraph = this.paragraph();
      if (paragraph) change(paragraph);
      this.changed();
    });
    return button;
  }

  /** The paragraph with the cursor. */
  private paragraph(): HTMLElement | undefined {
    let node: Node | null = getSelection()?.anchorNode ?? null;
    while (node && node.parentNode !== this.text) node = node.parentNode;
    return node instanceof HTMLElement ? node : undefined;
  }

  private changed(): void {
    const words = this.text.innerText.split(/\s+/).filter(Boolean);
    const often = new Map<string, number>();
    for (const word of words) often.set(word, (often.get(word) ?? 0) + 1);
    this.count.textContent = ` ${words.length} words, ${often.size} different`;
    this.outline.replaceChildren(
      ...[...this.text.children].map((one) =>
        element('li', { className: one.localName, text: one.textContent.slice(0, 40) }),
      ),
    );
  }
}

/** Marks every second word of a paragraph. */
function mark(paragraph: HTMLElement): void {
  const words = paragraph.textContent.split(' ');
  paragraph.replaceChildren(
    ...words.flatMap((word, i) => [
      i % 2 ? element('mark', { text: word }) : document.createTextNode(word),
      document.createTextNode(' '),
    ]),
  );
  getSelection()?.collapse(paragraph, paragraph.childNodes.length);
}
