import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Speedometer, type Client } from '../src/scenarios/speedometer';

let now = 0;
let broken: ((event: { message: string }) => void) | undefined;

beforeEach(() => {
  now = 0;
  broken = undefined;
  vi.stubGlobal('document', { title: 'Speedometer 3.1' });
  vi.stubGlobal('innerWidth', 900);
  vi.stubGlobal('innerHeight', 700);
  vi.stubGlobal('addEventListener', (_type: string, then: typeof broken) => {
    broken = then;
  });
});
afterEach(() => {
  vi.unstubAllGlobals();
});

const made = (client: Client, startTest?: () => void) =>
  new Speedometer({ benchmarkClient: client, ...(startTest && { startTest }) }, () => now);
const parsed = (text: string) => JSON.parse(text) as Record<string, unknown>;

/** A client as in 3.x, which says what was called. */
function client() {
  const calls: string[] = [];
  const made: Client = {
    start: () => calls.push('start'),
    didRunSuites: () => calls.push('suites'),
    didFinishLastIteration: () => calls.push('last'),
    handleError: () => calls.push('error'),
  };
  return { made, calls };
}

describe('Speedometer', () => {
  it('times a run, and leaves to the page what it does at each call', async () => {
    const page = client();
    const driver = made(page.made);
    now = 100;
    driver.start();
    page.made.didRunSuites?.({ score: 9.5 });
    now = 350;
    page.made.didFinishLastIteration?.({});
    expect(page.calls).toEqual(['start', 'suites', 'last']);
    expect(parsed(await driver.look(1000))).toEqual({
      state: 'done',
      run: { started_ms: 100, wall_ms: 250, score: 9.5 },
    });
  });

  it('begins each run anew', async () => {
    const page = client();
    const driver = made(page.made);
    driver.start();
    page.made.didRunSuites?.({ score: 9.5 });
    page.made.didFinishLastIteration?.();
    driver.start();
    expect(parsed(await driver.look(1))).toEqual({ state: 'running' });
  });

  it('is woken by the end of the run', async () => {
    const page = client();
    const driver = made(page.made);
    driver.start();
    const look = driver.look(2 ** 30);
    page.made.didRunSuites?.({ score: 1 });
    page.made.didFinishLastIteration?.();
    expect(parsed(await look).state).toBe('done');
  });

  it('says why a run failed', async () => {
    const page = client();
    const driver = made(page.made);
    driver.start();
    page.made.handleError?.(new Error('no such element'));
    expect(parsed(await driver.look(1000))).toEqual({ state: 'failed', why: 'no such element' });
    expect(page.calls).toContain('error');
  });

  it('takes no run without a score', async () => {
    const page = client();
    const driver = made(page.made);
    driver.start();
    page.made.didFinishLastIteration?.();
    expect(parsed(await driver.look(1000)).state).toBe('failed');
  });

  it('hears of errors of 2.x, whose client does not', async () => {
    const started = vi.fn();
    const driver = made({ didFinishLastIteration: () => undefined }, started);
    expect(parsed(driver.kind()).starts).toBe('startTest');
    driver.start();
    expect(started).toHaveBeenCalledOnce();
    broken?.({ message: 'x is undefined' });
    expect(parsed(await driver.look(1000)).why).toBe('x is undefined');
  });

  it('knows what it is not', () => {
    expect(parsed(new Speedometer({}).kind())).toMatchObject({ starts: 'not', title: 'Speedometer 3.1' });
    expect(parsed(made({ start: () => undefined }).kind()).starts).toBe('not');
    expect(() => {
      new Speedometer({}).start();
    }).toThrow('not Speedometer');
  });
});
