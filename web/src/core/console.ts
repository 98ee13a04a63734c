// Frameworks state some facts only as log lines, through whatever console functions they found when they started:
// so these are wrapped once, when the page starts, and lines can be listened to later.

type Listener = (line: string) => void;

let listener: Listener | undefined;

for (const name of ['log', 'warn', 'error'] as const) {
  const original = console[name].bind(console);
  console[name] = (...data: unknown[]) => {
    if (listener) listener(data.map(String).join(' '));
    else original(...data);
  };
}

/** Runs `work`; what is logged meanwhile goes to `listen` instead of the console. */
export async function listening<T>(listen: Listener, work: () => Promise<T>): Promise<T> {
  listener = listen;
  try {
    return await work();
  } finally {
    listener = undefined;
  }
}
