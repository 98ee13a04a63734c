/**
 * One thing that the user does: a click on an element, or a key for the element that has the focus. The page handles a
 * key at `keydown`, or when the text changes (`input`), as it does for every character.
 */
export type Step = { click: () => Element } | { key: string; at: 'keydown' | 'input' };

/** A part of the interaction page, with the script of what its user does. */
export interface App {
  readonly name: string;
  readonly root: HTMLElement;
  /** Puts the part back to how it was at first. */
  reset(): void;
  /** What the user does in one run, from the first state on. */
  script(): Step[];
}

/** Keys that type a text. */
export function keys(text: string): Step[] {
  return Array.from(text, (key) => ({ key, at: 'input' }));
}

/** Creates an element with a class, a text and children. */
export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  properties: { className?: string; text?: string } = {},
  ...children: Node[]
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name);
  if (properties.className) made.className = properties.className;
  if (properties.text !== undefined) made.textContent = properties.text;
  made.append(...children);
  return made;
}

/** The element that a selector finds, which has to be there. */
export function found(root: ParentNode, selector: string): HTMLElement {
  const one = root.querySelector<HTMLElement>(selector);
  if (one === null) throw new Error(`There is no ${selector} on the page.`);
  return one;
}

/** A sequence of numbers from 0 to below 1 that looks random, and is the same each time (mulberry32). */
export function numbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
