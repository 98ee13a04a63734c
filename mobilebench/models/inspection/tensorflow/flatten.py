"""Flattens TensorFlow's GraphDef: inlines functions and infers shapes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mobilebench.models.inspection.graph import Graph, Operation, Shape, Value
from mobilebench.models.inspection.macs import known_sizes, volume
from mobilebench.models.inspection.malformed import Malformed
from mobilebench.models.inspection.tensorflow import shapes as shapes_of
from mobilebench.models.inspection.tensorflow.graph import Constant, FunctionName, GraphDef, KnownShape, Node
from mobilebench.models.inspection.tensorflow.shapes import UNKNOWN, Known

_CALLS = ("PartitionedCall", "StatefulPartitionedCall", "TPUPartitionedCall")
_ALIASES = ("Identity", "IdentityN", "StopGradient", "PreventGradient", "Snapshot", "ReadVariableOp", "EnsureShape")
_SOURCES = ("Placeholder", "PlaceholderV2", "_Arg")
_VARIABLES = ("VarHandleOp", "VariableV2", "Variable")
_IGNORED = ("NoOp", "Assert", "PlaceholderWithDefault")
_LOOKUPS = ("GatherV2", "Gather", "ResourceGather", "GatherNd")
_WITHOUT_MACS = {
    "SparseSoftmaxCrossEntropyWithLogits", "NonMaxSuppressionV3", "NonMaxSuppressionV4", "NonMaxSuppressionV5",
    "CombinedNonMaxSuppression", "Where", "Unique", "UniqueV2", "ScatterNd", "TensorScatterUpdate", "CropAndResize",
    "NoOp", "RandomUniform", "RandomStandardNormal", "Bincount", "DenseBincount", "Multinomial", "ArgMax", "ArgMin",
    "SparseToDense", "LinSpace", "MatrixBandPart", "StaticRegexReplace", "StringSplitV2", "AvgPool3D", "MaxPool3D",
    "MaxPoolWithArgmax", "Bucketize", "SearchSorted", "UpperBound", "LowerBound", "RaggedRange", "Complex", "Real",
    "Imag", "ComplexAbs", "TensorListReserve", "TensorListSetItem", "TensorListGetItem", "TensorListStack",
    "TensorListFromTensor", "TensorListLength", "TensorListConcat", "InvertPermutation", "Bitcast", "Roll", "Empty",
}  # fmt: skip
"""Operators whose shapes are not inferred and which have no products with weights."""
VARIABLE = "variable "
"""Prefix of the names of weights that are variables, whose values are in separate files."""
_MAX_DEPTH = 32
_MAX_NODES = 300_000
_OUTPUTS = {
    "FusedBatchNormV3": ("y", "batch_mean", "batch_variance", "reserve_space_1", "reserve_space_2", "reserve_space_3"),
    "FusedBatchNorm": ("y", "batch_mean", "batch_variance", "reserve_space_1", "reserve_space_2"),
    "TopKV2": ("values", "indices"),
    "Unique": ("y", "idx"),
    "SplitV": ("output",),
}
"""Operators with several outputs of different names, which references inside functions use."""


@dataclass
class _Scope:
    """Where nodes look up their inputs: the graph itself, or one call of a function."""

    nodes: Mapping[str, Node]
    prefix: str
    arguments: Mapping[str, Known]
    inner: bool
    done: dict[str, list[Known]] = field(default_factory=dict)


def flatten(graph: Graph, definition: GraphDef, inputs: Mapping[str, Value], wanted: Sequence[str]) -> list[Known]:
    """Add to the graph all that the wanted tensors are computed from.

    Args:
        graph: gets operations, values and weights.
        definition: the GraphDef.
        inputs: reference of a tensor (`name:0`) to the value that is fed there.
        wanted: references of the outputs.

    Returns:
        The outputs, in the order of `wanted`.

    Raises:
        Malformed: a node or function is missing, or functions call each other without end.
    """
    arguments = {_split(reference)[0]: Known(_split(reference)[0], value) for reference, value in inputs.items()}
    nodes = {node.name: node for node in definition.nodes}
    for name, known in arguments.items():
        graph.values[name] = known.value
    work = _Work(graph, definition)
    return work.outputs(_Scope(nodes, "", arguments, inner=False), wanted, depth=0)


class _Work:
    def __init__(self, graph: Graph, definition: GraphDef) -> None:
        self._graph = graph
        self._functions = definition.functions
        self._seen = 0

    def outputs(self, scope: _Scope, wanted: Sequence[str], depth: int) -> list[Known]:
        """Process the nodes that the wanted tensors need, each after its inputs."""
        for name in _in_order(scope, [_split(reference)[0] for reference in wanted]):
            self._seen += 1
            if self._seen > _MAX_NODES:
                raise Malformed(f"has more than {_MAX_NODES} nodes after its functions are inlined")
            node = scope.nodes[name]
            scope.done[name] = self._node(scope, node, depth)
        return [self._find(scope, reference) for reference in wanted]

    def _node(self, scope: _Scope, node: Node, depth: int) -> list[Known]:
        inputs = [self._find(scope, one) for one in node.inputs if one and not one.startswith("^")]
        key = f"{scope.prefix}{node.name}"
        if node.op in _CALLS or node.op in self._functions:
            return self._call(scope, node, inputs, depth)
        if node.op == "Const":
            return [self._constant(key, node)]
        if node.op in _VARIABLES:
            return [self._variable(key, node)]
        if node.op in _ALIASES or node.op in _IGNORED:
            return inputs or [self._add(key, 0, UNKNOWN)]
        if node.op in _SOURCES:
            return [self._add(key, 0, Value(node.dtype("dtype"), node.shape("shape")))]
        return self._operation(scope, node, inputs, key, depth)

    def _operation(self, scope: _Scope, node: Node, inputs: list[Known], key: str, depth: int) -> list[Known]:
        found = self._stated(node, shapes_of.infer(node, inputs))
        outputs = [self._add(key, place, value) for place, value in enumerate(found or [UNKNOWN])]
        bodies = [one for one in _functions_of(node) if one in self._functions]
        macs = None if scope.inner or bodies else _macs(node, inputs, outputs[0].shape)
        self._graph.operations.append(
            Operation(
                node.op,
                tuple(one.key for one in inputs),
                tuple(one.key for one in outputs),
                macs,
                looks_up=node.op in _LOOKUPS,
            )
        )
        for body in bodies:
            self._body(body, f"{key}/{body}/", {}, depth + 1, inner=True)
        content = shapes_of.content(node, inputs, outputs[0].shape)
        return [Known(outputs[0].key, outputs[0].value, content), *outputs[1:]]

    def _call(self, scope: _Scope, node: Node, inputs: list[Known], depth: int) -> list[Known]:
        name = node.op if node.op in self._functions else node.attributes.get("f")
        if not isinstance(name, str) or name not in self._functions:
            raise Malformed(f"is damaged: it calls a function that it does not have ({str(name)[:100]!r})")
        prefix = f"{scope.prefix}{node.name}/"
        arguments = dict(zip(self._functions[name].inputs, inputs, strict=False))
        return self._body(name, prefix[-500:], arguments, depth + 1, inner=scope.inner)

    def _body(self, name: str, prefix: str, arguments: Mapping[str, Known], depth: int, *, inner: bool) -> list[Known]:
        if depth > _MAX_DEPTH:
            raise Malformed(f"is damaged: its functions call each other more than {_MAX_DEPTH} deep")
        function = self._functions[name]
        nodes = {node.name: node for node in function.nodes}
        unknown = {one: Known(f"{prefix}{one}", UNKNOWN) for one in function.inputs if one not in arguments}
        return self.outputs(_Scope(nodes, prefix, {**arguments, **unknown}, inner), function.outputs, depth)

    def _constant(self, key: str, node: Node) -> Known:
        constant = node.attributes.get("value")
        if not isinstance(constant, Constant):
            return self._add(key, 0, Value(node.dtype("dtype"), None))
        known = self._add(key, 0, constant.value)
        if constant.value.dtype.startswith(("float", "bfloat")) and (constant.value.elements or 0) > 1:
            self._graph.weights.setdefault(key, constant.value)
        return Known(known.key, constant.value, constant.content)

    def _variable(self, key: str, node: Node) -> Known:
        value = Value(node.dtype("dtype"), node.shape("shape"))
        if value.dtype.startswith(("float", "bfloat")) and (value.elements or 0) > 1:
            self._graph.weights.setdefault(f"{VARIABLE}{key}", value)
            self._graph.holders[key] = f"{VARIABLE}{key}"
        return self._add(key, 0, value)

    def _stated(self, node: Node, found: list[Value]) -> list[Value]:
        """The values of a node's outputs: inferred, or else as the file states them."""
        stated = node.attributes.get("_output_shapes")
        if not isinstance(stated, list) or (found and all(_complete(value) for value in found)):
            return found
        shapes = [one.shape for one in stated if isinstance(one, KnownShape)]
        dtype = found[0].dtype if found else node.dtype("T", node.dtype("dtype"))
        return [
            found[place] if place < len(found) and _complete(found[place]) else Value(dtype, shape)
            for place, shape in enumerate(shapes)
        ] or found

    def _add(self, key: str, place: int, value: Value) -> Known:
        name = f"{key}:{place}" if place else key
        self._graph.values[name] = value
        return Known(name, value)

    def _find(self, scope: _Scope, reference: str) -> Known:
        name, place = _split(reference)
        if name in scope.arguments:
            return scope.arguments[name]
        outputs = scope.done.get(name)
        if outputs is None:  # part of a cycle (a loop of TensorFlow 1)
            return Known(f"{scope.prefix}{reference}", UNKNOWN)
        index = _index(scope.nodes[name], place)
        return outputs[index] if index < len(outputs) else Known(f"{scope.prefix}{reference}", UNKNOWN)


def _in_order(scope: _Scope, wanted: Iterable[str]) -> list[str]:
    """The wanted nodes and those that they need, each after its inputs; nodes of a cycle in any order."""
    order: list[str] = []
    state: dict[str, bool] = {}
    stack = [(name, False) for name in wanted]
    while stack:
        name, leaving = stack.pop()
        if leaving:
            order.append(name)
            continue
        if name in state or name in scope.arguments:
            continue
        if name not in scope.nodes:
            raise Malformed(f"is damaged: it needs node {name[:100]!r}, which does not exist")
        state[name] = True
        stack.append((name, True))
        node = scope.nodes[name]
        stack += [(_split(one)[0], False) for one in node.inputs if one and not one.startswith("^")]
    return order


def _macs(node: Node, inputs: Sequence[Known], output: Shape | None) -> int | None:
    """Multiply-accumulates of one node; None if its operator or a shape is not known."""
    if not shapes_of.known(node.op):
        return 0 if node.op in _WITHOUT_MACS else None
    try:
        return _counted(node, inputs, output)
    except (IndexError, ValueError):  # an input is missing, or a size of it is not known
        return None


def _counted(node: Node, inputs: Sequence[Known], output: Shape | None) -> int | None:
    match node.op:
        case "Conv2D" | "_FusedConv2D" | "FusedConv2D":  # filter: height, width, in, out
            return volume(output) * volume(known_sizes(inputs[1].shape)[:3])
        case (
            "DepthwiseConv2dNative" | "DepthwiseConv2d" | "FusedDepthwiseConv2dNative"
        ):  # height, width, in, multiplier
            return volume(output) * volume(known_sizes(inputs[1].shape)[:2])
        case "Conv3D":  # filter: depth, height, width, in, out
            return volume(output) * volume(known_sizes(inputs[1].shape)[:4])
        case "Conv2DBackpropInput":  # output sizes, filter (height, width, out, in), input
            return volume(inputs[2].shape) * volume(known_sizes(inputs[1].shape)[:3])
        case "MatMul" | "_FusedMatMul" | "BatchMatMul" | "BatchMatMulV2" | "BatchMatMulV3":
            flipped, _ = shapes_of.transposed(node)
            return volume(output) * known_sizes(inputs[0].shape)[-2 if flipped else -1]
        case "Einsum":
            sizes = shapes_of.einsum_sizes(node, inputs)
            if sizes is None or len(inputs) > 2:
                return None
            return volume(tuple(sizes.values())) if len(inputs) == 2 else 0
    return 0


def _functions_of(node: Node) -> list[str]:
    """The functions that a node runs (branches and loop bodies); how often is not known."""
    found = []
    for value in node.attributes.values():
        found += [str(one) for one in (value if isinstance(value, list) else [value]) if isinstance(one, FunctionName)]
    return found


def _split(reference: str) -> tuple[str, str]:
    """Node and place of a reference: `node`, `node:1`, or inside functions `node:output:1`."""
    name, _, place = reference.removeprefix("^").partition(":")
    return name, place


def _index(node: Node, place: str) -> int:
    argument, _, number = place.rpartition(":")
    index = int(number) if number.isdecimal() and len(number) < 9 else 0
    if argument in _OUTPUTS.get(node.op, ()):
        return _OUTPUTS[node.op].index(argument) + index
    return index


def _complete(value: Value) -> bool:
    return value.shape is not None and None not in value.shape
