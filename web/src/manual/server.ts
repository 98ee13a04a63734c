// What the computer that serves this page answers (mobilebench/session/manual.py).
import type { PageOwnPass } from '../passes/records';
import type { Job } from '../records';

export interface Backend {
  name: string;
  settings: string[];
  single_threaded: string[];
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
  variant: string;
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
  variant: string;
  pass: PageOwnPass;
}

export interface Begun {
  visit: string;
  /** Address of the page that measures, on this server. */
  page: string;
  job: Job;
}

export interface Sent {
  visit: string;
  answer: string;
  agent: string;
  cores: number;
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
  const response = await fetch(place, { method: 'POST', headers, body: JSON.stringify(value) });
  const text = await response.text();
  if (response.ok) return JSON.parse(text) as T;
  if (response.status !== 400) throw new Error(`The computer answered ${response.status}.`);
  const { error, hint } = JSON.parse(text) as { error: string; hint: string | null };
  throw new Error(hint ? `${error} ${hint}` : error);
}
