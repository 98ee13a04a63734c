// Names in a .tflite file: LiteRT.js uses the names in a signature, manifests use the names of the tensors.
// The file is a FlatBuffer (https://flatbuffers.dev/internals). Fields are counted as in TensorFlow Lite's schema.

/** The signature of a model's first graph. */
export interface Signature {
  key: string;
  /** Name of a tensor to its name in the signature. */
  inputs: ReadonlyMap<string, string>;
  outputs: ReadonlyMap<string, string>;
}

const MODEL = { subgraphs: 2, signatures: 7 } as const;
const SUBGRAPH = { tensors: 0 } as const;
const TENSOR = { name: 3 } as const;
const SIGNATURE = { inputs: 0, outputs: 1, key: 2, subgraph: 4 } as const;
const ENTRY = { name: 0, tensor: 1 } as const;

/**
 * Reads the signature of the first graph; undefined when the model has none. Raises `RangeError` when the file is
 * incomplete.
 */
export function readSignature(model: ArrayBuffer): Signature | undefined {
  const root = Table.root(new DataView(model));
  const signature = root.tables(MODEL.signatures).find((one) => one.uint32(SIGNATURE.subgraph) === 0);
  if (signature === undefined) return undefined;
  const tensors = root.tables(MODEL.subgraphs)[0]?.tables(SUBGRAPH.tensors) ?? [];
  const named = (field: number) =>
    new Map(
      signature
        .tables(field)
        .map((entry) => [tensors[entry.uint32(ENTRY.tensor)]?.text(TENSOR.name) ?? '', entry.text(ENTRY.name)]),
    );
  return {
    key: signature.text(SIGNATURE.key),
    inputs: named(SIGNATURE.inputs),
    outputs: named(SIGNATURE.outputs),
  };
}

/**
 * Maps the names that a manifest has for tensors, which are those in the file, to the framework's names. `known` are
 * the framework's tensors, `signature` maps names in the file to names in the signature.
 */
export function formatNames(
  side: 'input' | 'output',
  wanted: readonly { format_name: string }[],
  known: readonly { name: string }[],
  signature: ReadonlyMap<string, string> = new Map<string, string>(),
): Map<string, string> {
  const names = known.map(({ name }) => name);
  return new Map(
    wanted.map(({ format_name }) => {
      const found = [signature.get(format_name), format_name].find((name) => name !== undefined && names.includes(name));
      if (found === undefined) throw new Error(`The model has no ${side} ${format_name}; it has ${names.join(', ')}.`);
      return [format_name, found];
    }),
  );
}

class Table {
  private constructor(
    private readonly data: DataView,
    private readonly place: number,
  ) {}

  static root(data: DataView): Table {
    return new Table(data, data.getUint32(0, true));
  }

  uint32(field: number): number {
    const at = this.at(field);
    return at === undefined ? 0 : this.data.getUint32(at, true);
  }

  text(field: number): string {
    const [start, length] = this.vector(field);
    return new TextDecoder().decode(new Uint8Array(this.data.buffer, start, length));
  }

  tables(field: number): Table[] {
    const [start, length] = this.vector(field);
    return Array.from({ length }, (_, i) => new Table(this.data, this.follow(start + 4 * i)));
  }

  /** Returns where the elements of a vector begin, and how many there are. */
  private vector(field: number): [number, number] {
    const at = this.at(field);
    if (at === undefined) return [0, 0];
    const vector = this.follow(at);
    const length = this.data.getUint32(vector, true);
    if (length > this.data.byteLength - vector - 4) throw new RangeError('The model file is cut short.');
    return [vector + 4, length];
  }

  private at(field: number): number | undefined {
    const fields = this.place - this.data.getInt32(this.place, true);
    const entry = 4 + 2 * field;
    if (entry + 2 > this.data.getUint16(fields, true)) return undefined;
    const offset = this.data.getUint16(fields + entry, true);
    return offset === 0 ? undefined : this.place + offset;
  }

  private follow(at: number): number {
    return at + this.data.getUint32(at, true);
  }
}
