// Frameworks report some facts only as log lines, through the console functions that they found when they started. So
// these are wrapped once, when the page starts, and the lines can be read later.

type Listener = (line: string) => void;

let listener: Listener | undefined;

for (const name of ['log', 'warn', 'error'] as const) {
  const original = console[name].bind(console);
  console[name] = (...data: unknown[]) => {
    if (listener) listener(data.map(String).join(' '));
    else original(...data);
  };
}

/** Runs `work`, and passes everything that is logged meanwhile to `listen` instead of the console. */
export async function listening<T>(listen: Listener, work: () => Promise<T>): Promise<T> {
  listener = listen;
  try {
    return await work();
  } finally {
    listener = undefined;
  }
}
