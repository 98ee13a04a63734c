// The messages between this page and the computer that serves it.
import type { RequestError, StopRequest } from '../core/types';

/** Sends JSON to a place beside this page. Raises an error with the server's own words when the server refuses. */
export async function ask<T>(place: string, value: unknown): Promise<T> {
  const headers = { 'Content-Type': 'application/json' };
  const response = await fetch(place, { method: 'POST', headers, body: JSON.stringify(value) }).catch(() => {
    throw new Error('The computer does not answer. Is “mobilebench serve” still running there?');
  });
  const text = await response.text();
  if (response.ok) return JSON.parse(text) as T;
  if (response.status === 404) {
    throw new Error('This page belongs to a session that has ended. Open the address that “mobilebench serve” prints now.');
  }
  if (response.status !== 400) throw new Error(`The computer answered ${response.status}.`);
  const { error, hint } = JSON.parse(text) as RequestError;
  throw new Error(hint ? `${error} ${hint}` : error);
}

/** Says that no answer will come from a visit. It waits for nothing, because the page may be about to close. */
export function giveUp(visit: string): void {
  const request: StopRequest = { visit };
  navigator.sendBeacon('stop', new Blob([JSON.stringify(request)], { type: 'application/json' }));
}
