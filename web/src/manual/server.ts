// What the computer that serves this page answers (mobilebench/session/manual.py).
import type { PageOwnPass } from '../passes/records';
import type { Job } from '../records';

export interface Backend {
  name: string;
  settings: string[];
  single_threaded: string[];
  /** Settings that one thread would turn into something else. */
  multi_threaded: string[];
}

export interface EngineChoice {
  name: string;
  title: string;
  /** Of the model's files that it reads. */
  format: string;
  backends: Backend[];
  passes: PageOwnPass[];
}

export interface ModelChoice {
  name: string;
  precision: string;
  /** By format. */
  bytes: Record<string, number>;
}

export interface Choices {
  engines: EngineChoice[];
  models: ModelChoice[];
}

export interface Wanted {
  engine: string;
  backend: string;
  setting: string;
  threads: number;
  model: string;
  precision: string;
  pass: PageOwnPass;
  /** Of this machine, as the browser tells them, where it does. */
  cores?: number | undefined;
}

export interface Begun {
  visit: string;
  /** Address of the page that measures, on this server. */
  page: string;
  job: Job;
  /** That the page that measures is told; null: as many as there are. */
  cores: number | null;
}

/** The measurement that a page brings back. */
export interface Sent {
  visit: string;
  answer: string;
  agent: string;
  cores?: number | undefined;
}

export interface Judged {
  outcome: 'measured' | 'unsupported' | 'failed';
  reason: string | null;
  verdict: 'valid' | 'suspect' | 'invalid' | null;
  reasons: string[];
  case: string;
  /** Id, once it is kept. */
  run?: string;
}

/** Sends JSON to a place beside this page. Raises an error with the server's own words when it refuses. */
export async function ask<T>(place: string, value: unknown): Promise<T> {
  const headers = { 'Content-Type': 'application/json' };
  const response = await fetch(place, { method: 'POST', headers, body: JSON.stringify(value) }).catch(() => {
    throw new Error('The computer does not answer. Is “mobilebench serve” still running there?');
  });
  const text = await response.text();
  if (response.ok) return JSON.parse(text) as T;
  if (response.status === 404) {
    throw new Error('This page is of a sitting that has ended. Open the address that “mobilebench serve” prints now.');
  }
  if (response.status !== 400) throw new Error(`The computer answered ${response.status}.`);
  const { error, hint } = JSON.parse(text) as { error: string; hint: string | null };
  throw new Error(hint ? `${error} ${hint}` : error);
}

/** Tells that no answer will come of a visit, without waiting for anything: the page may be about to go. */
export function giveUp(visit: string): void {
  navigator.sendBeacon('stop', new Blob([JSON.stringify({ visit })], { type: 'application/json' }));
}
