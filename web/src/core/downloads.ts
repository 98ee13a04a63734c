// Fetches without executing: files into memory, scripts into the page's module map.

/** Fetches the bytes of one file. */
export async function download(file: string): Promise<ArrayBuffer> {
  const response = await fetch(address(file));
  if (!response.ok) throw new Error(`The page server answered ${response.status} to ${file}.`);
  return response.arrayBuffer();
}

/** Fetches the bytes of several files at the same time. */
export async function downloadAll(files: readonly string[]): Promise<Map<string, ArrayBuffer>> {
  const entries = files.map(async (file): Promise<[string, ArrayBuffer]> => [file, await download(file)]);
  return new Map(await Promise.all(entries));
}

/** Fetches and parses a module script, so that importing it later needs only to run it. */
export function downloadModule(file: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const link = document.createElement('link');
    link.rel = 'modulepreload';
    link.href = address(file);
    link.onload = () => {
      resolve();
    };
    link.onerror = () => {
      reject(new Error(`The script ${file} could not be fetched or parsed.`));
    };
    document.head.append(link);
  });
}

let base: string | undefined;

/** Names files relative to this address from now on, where there is no page whose address they are relative to. */
export function setBase(url: string): void {
  base = url;
}

const provided = new Map<string, string>();

/** Makes these files be found at these addresses from now on, instead of beside the page. */
export function provide(addresses: ReadonlyMap<string, string>): void {
  for (const [file, url] of addresses) provided.set(file, url);
}

export function address(file: string): string {
  return provided.get(file) ?? new URL(file, base ?? document.baseURI).href;
}
