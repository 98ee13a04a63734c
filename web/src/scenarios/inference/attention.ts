// Whether the page was visible and had the focus, over time.
import type { PageState } from '../../core/types';

export class AttentionWatch {
  readonly states: PageState[] = [];
  private readonly listening = new AbortController();

  constructor() {
    const look = () => {
      this.look();
    };
    document.addEventListener('visibilitychange', look, { signal: this.listening.signal });
    for (const kind of ['focus', 'blur']) addEventListener(kind, look, { signal: this.listening.signal });
    this.look();
  }

  /** Notes the present state if it differs from the last one. */
  look(): void {
    const state = { at_ms: performance.now(), visible: document.visibilityState === 'visible', focused: document.hasFocus() };
    const last = this.states.at(-1);
    if (last?.visible !== state.visible || last.focused !== state.focused) this.states.push(state);
  }

  end(): void {
    this.look();
    this.listening.abort();
  }
}
