// The typing page: a document that counts its words, lists its headings and adapts its height after each input.
import { found } from './interaction/app';

const SECTIONS = 12;
const SENTENCE = 'This document is as long as a short report, so that each key has some work to do. ';

const text = found(document, '#text');
const counts = found(document, '#counts');
const headings = found(document, '#headings');
let characters = 0;

function paragraph(name: 'h2' | 'p', content: string): HTMLElement {
  const made = document.createElement(name);
  made.textContent = content;
  return made;
}

function fill(): void {
  text.append(paragraph('h2', 'Notes'), paragraph('p', 'Written here: '));
  for (let i = 1; i <= SECTIONS; i++) {
    text.append(paragraph('h2', `Section ${i}`), paragraph('p', SENTENCE.repeat(8)), paragraph('p', SENTENCE.repeat(5)));
  }
}

function wordsOf(content: string): number {
  return content.split(/\s+/).filter(Boolean).length;
}

function changed(): void {
  const words = wordsOf(text.innerText);
  const sheets = Math.max(1, Math.ceil(text.scrollHeight / 1100));
  counts.textContent = `${words} words on ${sheets} sheets`;
  headings.replaceChildren(
    ...[...text.querySelectorAll('h2')].map((heading) => {
      const line = document.createElement('li');
      line.textContent = `${heading.textContent}: ${Math.round(heading.offsetTop)}`;
      return line;
    }),
  );
}

text.addEventListener('input', (event) => {
  const { isTrusted, inputType, data } = event;
  if (isTrusted && inputType === 'insertText') characters += data?.length ?? 0;
  if (isTrusted && inputType === 'insertParagraph') characters++;
  changed();
});

fill();
changed();

Object.assign(globalThis, {
  mobilebenchScenario: {
    /** Where to click to write. */
    start: () => {
      const box = found(text, 'p').getBoundingClientRect();
      return JSON.stringify({ x: box.left + Math.min(box.width, 300) / 2, y: box.top + box.height / 2 });
    },
    typed: () => JSON.stringify({ characters, words: wordsOf(text.innerText) }),
  },
});
