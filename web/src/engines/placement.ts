// Where ONNX Runtime put the nodes of a graph, from its verbose log while a session is created.
import type { Proof } from '../core/types';

const PLACED = /placed on \[(\w+)\]\. Number of nodes: (\d+)/;

export class Placement {
  private readonly nodes = new Map<string, number>();

  read(line: string): void {
    const [, provider, count] = PLACED.exec(line) ?? [];
    if (provider !== undefined) this.nodes.set(provider, (this.nodes.get(provider) ?? 0) + Number(count));
  }

  proof(): Proof {
    if (this.nodes.size === 0) return {};
    const delegates = Array.from(this.nodes, ([name, nodes]) => ({ name, nodes }));
    return { delegates, graph_nodes: delegates.reduce((sum, { nodes }) => sum + nodes, 0) };
  }
}
