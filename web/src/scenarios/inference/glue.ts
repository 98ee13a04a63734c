// LiteRT.js adds its glue code to the page as a script element, which would run in the page's own world. This runs the
// code of such elements in the world of this script instead, and leaves the page's document as it is.
import { replaceFunctions } from '../../core/replace';

export function runBlobScriptsHere(): void {
  const body = document.body as HTMLElement | null;
  if (body === null) return;
  const append = body.appendChild.bind(body);
  replaceFunctions(body, {
    appendChild<T extends Node>(node: T): T {
      if (!(node instanceof HTMLScriptElement) || !node.src.startsWith('blob:')) return append(node);
      void run(node);
      return node;
    },
  });
}

async function run(script: HTMLScriptElement): Promise<void> {
  try {
    const code = await (await fetch(script.src)).text();
    // An indirect call, so that the code runs at the top level.
    (0, eval)(code);
    script.dispatchEvent(new Event('load'));
  } catch {
    script.dispatchEvent(new Event('error'));
  }
}
