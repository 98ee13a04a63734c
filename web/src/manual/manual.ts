// A person chooses and presses “run”. The bench page measures, the computer judges, and the result can be kept.
import { coresReported } from '../core/proof';
import type { Choices, Judgement, Measurement, PageAnswer, Started } from '../core/types';
import { Choosing } from './choosing';
import { measured } from './measuring';
import { ask, giveUp } from './server';
import { drawn, element, renderer, tables } from './showing';

const MEANINGS: Record<NonNullable<Judgement['verdict']> | Judgement['outcome'], string> = {
  valid: 'it ran as asked, and its answer is right.',
  suspect: 'its answer is right, but something may have bent the times, or is not proved.',
  invalid: 'something else ran than what was asked, or its answer is wrong.',
  unsupported: 'this browser, device or engine cannot run it.',
  failed: 'there is no measurement.',
  measured: 'the computer could not judge it.',
};

const form = found('form', HTMLFormElement);
const button = found('run', HTMLButtonElement);
const stop = found('stop', HTMLButtonElement);
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
  const { request, words } = choosing;
  say(`Measuring ${words}. Leave this page in front …`);
  const started = await ask<Started>('start', request);
  const answer = await stoppable(started, (stopped) => measured(started, frames, stopped));
  if (answer === undefined) {
    say('Stopped.');
    return;
  }
  say('Checking the answer …');
  const cores = coresReported();
  const sent: PageAnswer = {
    visit: started.visit,
    answer,
    agent: navigator.userAgent,
    ...(cores !== undefined && { cores }),
  };
  show(words, JSON.parse(answer) as Measurement, await judged(sent), sent);
  say('');
}

/**
 * Returns the result of long work; undefined when the person stops it. A click while an engine computes on the main
 * thread arrives only afterwards, so the stop button must not be where another button appears.
 */
async function stoppable<T>(started: Started, work: (stopped: AbortSignal) => Promise<T>): Promise<T | undefined> {
  const stopping = new AbortController();
  const abort = (): void => {
    stopping.abort();
  };
  const leave = (): void => {
    giveUp(started.visit);
  };
  stop.addEventListener('click', abort);
  addEventListener('pagehide', leave);
  stop.hidden = false;
  try {
    return await work(stopping.signal);
  } catch (error) {
    leave();
    if (stopping.signal.aborted) return undefined;
    throw error;
  } finally {
    stop.removeEventListener('click', abort);
    removeEventListener('pagehide', leave);
    stop.hidden = true;
  }
}

/**
 * Asks the computer for a judgement. When it cannot be asked, the measurement is still shown, and can be kept later.
 */
async function judged(sent: PageAnswer): Promise<Judgement> {
  try {
    return await ask<Judgement>('check', sent);
  } catch (error) {
    return { outcome: 'measured', reason: text(error), verdict: null, codes: [], reasons: [], case: '', run: null };
  }
}

function show(words: string, measurement: Measurement, judged: Judgement, sent: PageAnswer): void {
  const what = element('h2', words);
  what.className = 'measured-what';
  const word = judged.verdict ?? judged.outcome;
  const verdict = element('p', `${word}: ${MEANINGS[word]}`);
  verdict.className = `verdict ${word}`;
  const facts = [judged.reason, ...judged.reasons, renderer(measurement)].filter((fact) => fact != null);
  const list = element('ul', '', ...facts.map((fact) => element('li', fact)));
  list.className = 'reasons';
  const keep = element('button', 'Keep this result');
  keep.id = 'keep';
  keep.addEventListener('click', () => {
    void busily(async () => {
      keep.disabled = true;
      try {
        const { run: id } = await ask<Judgement>('keep', sent);
        keep.replaceWith(element('p', `Kept on the computer as run ${id ?? ''}.`));
        say('');
      } finally {
        keep.disabled = false;
      }
    });
  });
  result.replaceChildren(what, verdict, list, ...tables(measurement).flatMap(drawn), keep);
  result.hidden = false;
  result.scrollIntoView({ block: 'nearest' });
}

async function busily(work: () => Promise<void>): Promise<void> {
  button.disabled = true;
  try {
    await work();
  } catch (error) {
    say(text(error), true);
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

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

begin().catch((error: unknown) => {
  say(text(error), true);
});
