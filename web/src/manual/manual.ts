// A person chooses and presses “run”: the bench page measures in a frame of its own, on a path of its own.
import type { Job, Measurement } from '../records';
import { Choosing } from './choosing';
import { ask, type Begun, type Choices, type Judged, type Sent } from './server';
import { drawn, element, tables } from './showing';

interface BenchWindow extends Window {
  mobilebench?: { run(job: Job): Promise<string> };
}

const MEANINGS: Record<NonNullable<Judged['verdict']> | Judged['outcome'], string> = {
  valid: 'it ran as asked, and its answer is right.',
  suspect: 'its answer is right, but something may have bent the times, or is not proved.',
  invalid: 'something else ran than what was asked, or its answer is wrong.',
  unsupported: 'this browser, device or engine cannot run it.',
  failed: 'there is no measurement.',
  measured: 'it was not judged.',
};

const form = found('form', HTMLFormElement);
const button = found('run', HTMLButtonElement);
const status = found('status', HTMLElement);
const result = found('result', HTMLElement);
const frames = found('frame', HTMLElement);

async function begin(): Promise<void> {
  if (!crossOriginIsolated) {
    const note = found('isolation', HTMLElement);
    note.textContent =
      'This page is not isolated: the browser allows no threads and a coarse clock only. Results say so. ' +
      'Open it over https, or on the computer itself.';
    note.hidden = false;
  }
  const choices = await ask<Choices>('choices', {});
  if (choices.models.length === 0) throw new Error('No model is built on the computer: mobilebench models build.');
  const choosing = new Choosing(choices, form);
  say('');
  button.disabled = false;
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void busily(() => run(choosing));
  });
}

async function run(choosing: Choosing): Promise<void> {
  result.hidden = true;
  const { wanted } = choosing;
  say(`Measuring ${wanted.model} on ${wanted.engine} ${wanted.backend}. Leave this page in front …`);
  const begun = await ask<Begun>('start', wanted);
  const answer = await measured(begun);
  say('Checking the answer …');
  const sent = { visit: begun.visit, answer, agent: navigator.userAgent, cores: navigator.hardwareConcurrency };
  const judged = await ask<Judged>('check', sent);
  show(JSON.parse(answer) as Measurement, judged, sent);
  say('');
}

/** What the bench page answers, in a frame that is gone afterwards with everything that it held. */
async function measured({ page, job }: Begun): Promise<string> {
  const frame = element('iframe');
  frame.src = new URL(page, location.href).href;
  const loaded = new Promise((resolve) => {
    frame.addEventListener('load', resolve, { once: true });
  });
  frames.replaceChildren(frame);
  try {
    await loaded;
    const view: BenchWindow | null = frame.contentWindow;
    const bench = view?.mobilebench;
    if (bench === undefined) throw new Error('The page that measures could not be opened.');
    return await bench.run(job);
  } finally {
    frames.replaceChildren();
  }
}

function show(measurement: Measurement, judged: Judged, sent: Sent): void {
  const word = judged.verdict ?? judged.outcome;
  const verdict = element('p', `${word}: ${MEANINGS[word]}`);
  verdict.className = `verdict ${word}`;
  const reasons = judged.reason === null ? judged.reasons : [judged.reason, ...judged.reasons];
  const list = element('ul', '', ...reasons.map((reason) => element('li', reason)));
  list.className = 'reasons';
  const keep = element('button', 'Keep this result on the computer');
  keep.id = 'keep';
  keep.addEventListener('click', () => {
    void busily(async () => {
      keep.disabled = true;
      const { run: id } = await ask<Judged>('keep', sent);
      keep.replaceWith(element('p', `Kept as run ${id ?? ''}.`));
    });
  });
  result.replaceChildren(verdict, list, ...tables(measurement).flatMap(drawn), keep);
  result.hidden = false;
  result.scrollIntoView({ block: 'nearest' });
}

async function busily(work: () => Promise<void>): Promise<void> {
  button.disabled = true;
  try {
    await work();
  } catch (error) {
    say(error instanceof Error ? error.message : String(error), true);
  } finally {
    button.disabled = false;
  }
}

function say(text: string, wrong = false): void {
  status.textContent = text;
  status.classList.toggle('wrong', wrong);
}

function found<T extends HTMLElement>(id: string, kind: new () => T): T {
  const there = document.getElementById(id);
  if (!(there instanceof kind)) throw new Error(`This page has no ${id}.`);
  return there;
}

begin().catch((error: unknown) => {
  say(error instanceof Error ? error.message : String(error), true);
});
