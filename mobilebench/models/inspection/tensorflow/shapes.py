"""Shape inference for TensorFlow's operators. Other operators have outputs of unknown shape."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

from mobilebench.models.inspection.graph import Shape, Value
from mobilebench.models.inspection.tensorflow.graph import MAX_CONTENT, Node

UNKNOWN = Value("unknown", None)
_MAX_SIZE = 2**40
_MAX_RANK = 32


@dataclass(frozen=True)
class Known:
    """A tensor during shape inference: its value, and its numbers if it is a small list of sizes."""

    key: str
    value: Value
    content: tuple[int, ...] | None = None

    @property
    def shape(self) -> Shape | None:
        """The tensor's shape."""
        return self.value.shape


Inputs = Sequence[Known]
Outputs = list[Shape | None]
Rule = Callable[[Node, Inputs], Outputs]


def _words(text: str) -> list[str]:
    return text.split()


_SAME = _words(
    "Abs Acos Acosh Asin Asinh Atan Atanh BiasAdd Cast Ceil CheckNumerics ClipByValue Cos Cosh Cumprod Cumsum Elu Erf "
    "Erfc Exp Expm1 FakeQuantWithMinMaxArgs FakeQuantWithMinMaxVars FakeQuantWithMinMaxVarsPerChannel Floor Identity "
    "IsFinite IsInf IsNan LeakyRelu Log Log1p LogSoftmax LogicalNot LRN Neg OnesLike PreventGradient Prelu Reciprocal "
    "Inv Relu Relu6 ReverseV2 Rint Round Rsqrt Selu Sigmoid Sign Sin Sinh Softmax Softplus Softsign Sqrt Square "
    "StopGradient Tan Tanh ZerosLike AddN ReluN1To1 Snapshot"
)
_BROADCAST = _words(
    "Add AddV2 Sub Mul MulNoNan RealDiv Div DivNoNan FloorDiv TruncateDiv FloorMod Mod TruncateMod Maximum Minimum Pow "
    "SquaredDifference Greater GreaterEqual Less LessEqual Equal NotEqual LogicalAnd LogicalOr LogicalXor Atan2 "
    "Xdivy Xlogy BitwiseAnd BitwiseOr BitwiseXor LeftShift RightShift SelectV2 Select"
)
_BOOLEAN = _words(
    "Greater GreaterEqual Less LessEqual Equal NotEqual LogicalAnd LogicalOr LogicalNot IsFinite IsInf IsNan All Any"
)
_REDUCE = _words("Mean Sum Max Min Prod All Any EuclideanNorm")


def infer(node: Node, inputs: Inputs) -> list[Value]:
    """Dtypes and shapes of a node's outputs where they can be inferred; empty for an unknown operator."""
    rule = _RULES.get(node.op)
    if rule is None:
        return []
    try:
        shapes = rule(node, inputs)
    except (IndexError, ValueError, TypeError, ZeroDivisionError):  # inputs are missing or do not fit each other
        shapes = []
    return [Value(_dtype(node, inputs), _sane(shape)) for shape in shapes]


def known(op: str) -> bool:
    """Whether shapes can be inferred for the operator."""
    return op in _RULES


def content(node: Node, inputs: Inputs, output: Shape | None) -> tuple[int, ...] | None:
    """The numbers that a node outputs if it computes with sizes."""
    rule = _CONTENTS.get(node.op)
    if rule is None:
        return None
    try:
        numbers = rule(node, inputs)
    except (IndexError, ValueError, TypeError, ZeroDivisionError):
        return None
    if numbers is None or len(numbers) > MAX_CONTENT or any(abs(number) > _MAX_SIZE for number in numbers):
        return None
    return tuple(numbers) if not _full(output) or _volume(output) == len(numbers) else None


def _dtype(node: Node, inputs: Inputs) -> str:
    if node.op in _BOOLEAN:
        return "bool"
    for name in ("DstT", "out_type", "output_type", "Tout", "dtype", "Tparams", "T"):
        if (found := node.dtype(name)) != "unknown":
            return found
    if node.op in ("Shape", "Size", "Rank"):
        return "int32"
    return inputs[0].value.dtype if inputs else "unknown"


def _same(_: Node, inputs: Inputs) -> Outputs:
    return [inputs[0].shape]


def _broadcast(_: Node, inputs: Inputs) -> Outputs:
    shapes = [one.shape for one in inputs]
    if any(shape is None for shape in shapes):
        return [None]
    rank = max(len(shape or ()) for shape in shapes)
    padded = [(1,) * (rank - len(shape or ())) + (shape or ()) for shape in shapes]
    return [tuple(_broadcast_size(sizes) for sizes in zip(*padded, strict=True))]


def _broadcast_size(sizes: tuple[int | None, ...]) -> int | None:
    larger = {size for size in sizes if size != 1}
    if len(larger - {None}) > 1:
        raise ValueError("sizes do not fit")
    real = larger - {None}
    return real.pop() if real else (None if larger else 1)


def _convolution(node: Node, inputs: Inputs) -> Outputs:
    image, kernel = _ranked(inputs[0], 4), _ranked(inputs[1], 4)
    depthwise = "Depthwise" in node.op
    batch, height, width, channels = _axes(node)
    out: list[int | None] = [None] * 4
    out[batch] = image[batch]
    out[channels] = _times(kernel[2], kernel[3]) if depthwise else kernel[3]
    for axis, size in ((height, kernel[0]), (width, kernel[1])):
        out[axis] = _window(node, axis, image[axis], size)
    return [tuple(out)]


def _deconvolution(_: Node, inputs: Inputs) -> Outputs:
    sizes = inputs[0].content
    if sizes is None:
        return [(None,) * 4]
    return [_sizes(sizes)]


def _convolution_3d(node: Node, inputs: Inputs) -> Outputs:
    image, kernel = _ranked(inputs[0], 5), _ranked(inputs[1], 5)
    if node.text("data_format", "NDHWC") != "NDHWC":
        return [None]
    return [(image[0], *(_window(node, axis, image[axis], kernel[axis - 1]) for axis in (1, 2, 3)), kernel[4])]


def _pool(node: Node, inputs: Inputs) -> Outputs:
    image = _ranked(inputs[0], 4)
    kernel = node.integers("ksize")
    return [tuple(_window(node, axis, image[axis], kernel[axis]) for axis in range(4))]


def _axes(node: Node) -> tuple[int, int, int, int]:
    return (0, 2, 3, 1) if node.text("data_format", "NHWC") == "NCHW" else (0, 1, 2, 3)


def _window(node: Node, axis: int, size: int | None, kernel: int | None) -> int | None:
    """The size of an axis after a sliding window."""
    if size is None or kernel is None:
        return None
    strides, dilations = node.integers("strides"), node.integers("dilations")
    stride = strides[axis]
    reach = (kernel - 1) * (dilations[axis] if dilations else 1) + 1
    padding = node.text("padding")
    if padding == "SAME":
        return -(-size // stride)
    if padding == "EXPLICIT":
        pads = node.integers("explicit_paddings")
        size += pads[2 * axis] + pads[2 * axis + 1]
    elif padding != "VALID":
        return None
    return _positive(-(-(size - reach + 1) // stride))


def _matmul(node: Node, inputs: Inputs) -> Outputs:
    left, right = inputs[0].shape, inputs[1].shape
    if left is None or right is None:
        return [None]
    flip_left, flip_right = transposed(node)
    rows = left[-1] if flip_left else left[-2]
    columns = right[-2] if flip_right else right[-1]
    batches = _broadcast(node, [_shaped(left[:-2]), _shaped(right[:-2])])[0] or ()
    return [(*batches, rows, columns)]


def transposed(node: Node) -> tuple[bool, bool]:
    """Which operands of a matrix multiplication are transposed."""
    left, right = ("adj_x", "adj_y") if node.op.startswith("BatchMatMul") else ("transpose_a", "transpose_b")
    return bool(node.integer(left)), bool(node.integer(right))


def _reduce(node: Node, inputs: Inputs) -> Outputs:
    shape, axes = inputs[0].shape, inputs[1].content
    if shape is None or axes is None:
        return [None]
    gone = {_axis(axis, len(shape)) for axis in axes}
    if node.integer("keep_dims"):
        return [tuple(1 if place in gone else size for place, size in enumerate(shape))]
    return [tuple(size for place, size in enumerate(shape) if place not in gone)]


def _arg_reduce(_: Node, inputs: Inputs) -> Outputs:
    shape, axis = inputs[0].shape, inputs[1].content
    if shape is None or axis is None:
        return [None]
    gone = _axis(axis[0], len(shape))
    return [shape[:gone] + shape[gone + 1 :]]


def _reshape(_: Node, inputs: Inputs) -> Outputs:
    sizes = inputs[1].content
    if sizes is None:
        rank = inputs[1].shape
        return [(None,) * rank[0] if rank and rank[0] is not None and rank[0] <= 32 else None]
    whole = inputs[0].value.elements
    if -1 not in sizes:
        return [_sizes(sizes)]
    rest = prod(size for size in sizes if size != -1)
    if whole is None or rest <= 0 or whole % rest:
        return [tuple(None if size == -1 else size for size in sizes)]
    return [tuple(whole // rest if size == -1 else size for size in sizes)]


def _transpose(_: Node, inputs: Inputs) -> Outputs:
    shape, order = inputs[0].shape, inputs[1].content
    if shape is None or order is None:
        return [None if shape is None else (None,) * len(shape)]
    return [tuple(shape[_axis(axis, len(shape))] for axis in order)]


def _squeeze(node: Node, inputs: Inputs) -> Outputs:
    shape = inputs[0].shape
    if shape is None:
        return [None]
    axes = node.integers("squeeze_dims") or node.integers("axis")
    if not axes:
        return [None if None in shape else tuple(size for size in shape if size != 1)]
    gone = {_axis(axis, len(shape)) for axis in axes}
    return [tuple(size for place, size in enumerate(shape) if place not in gone)]


def _expand_dims(_: Node, inputs: Inputs) -> Outputs:
    shape, axis = inputs[0].shape, inputs[1].content
    if shape is None or axis is None:
        return [None]
    place = _axis(axis[0], len(shape) + 1)
    return [(*shape[:place], 1, *shape[place:])]


def _concat(node: Node, inputs: Inputs) -> Outputs:
    parts, axis = (inputs[:-1], inputs[-1]) if node.op == "ConcatV2" else (inputs[1:], inputs[0])
    shapes = [one.shape for one in parts]
    if axis.content is None or not shapes or any(shape is None for shape in shapes):
        return [None]
    first = list(shapes[0] or ())
    place = _axis(axis.content[0], len(first))
    sizes = [(shape or ())[place] for shape in shapes]
    first[place] = None if None in sizes else sum(size for size in sizes if size is not None)
    return [tuple(first)]


def _pack(node: Node, inputs: Inputs) -> Outputs:
    shape = inputs[0].shape
    if shape is None:
        return [None]
    place = _axis(node.integer("axis"), len(shape) + 1)
    return [(*shape[:place], len(inputs), *shape[place:])]


def _unpack(node: Node, inputs: Inputs) -> Outputs:
    shape = inputs[0].shape
    if shape is None:
        return [None]
    place = _axis(node.integer("axis"), len(shape))
    return [shape[:place] + shape[place + 1 :]] * min(node.integer("num"), MAX_CONTENT)


def _split(node: Node, inputs: Inputs) -> Outputs:
    axis, whole = (inputs[2], inputs[0]) if node.op == "SplitV" else (inputs[0], inputs[1])
    count = min(node.integer("num_split"), MAX_CONTENT)
    shape = whole.shape
    if shape is None or axis.content is None:
        return [None] * count
    place = _axis(axis.content[0], len(shape))
    size = shape[place]
    if node.op == "SplitV":
        parts: Sequence[int | None] = inputs[1].content or (None,) * count
        if -1 in parts and size is not None:
            rest = size - sum(part for part in parts if part is not None and part != -1)
            parts = [rest if part == -1 else part for part in parts]
    else:
        parts = (None if size is None else size // count,) * count
    return [(*shape[:place], part, *shape[place + 1 :]) for part in parts]


def _slice(_: Node, inputs: Inputs) -> Outputs:
    shape, begin, size = inputs[0].shape, inputs[1].content, inputs[2].content
    if shape is None or size is None:
        return [None if shape is None else (None,) * len(shape)]
    starts: Sequence[int | None] = begin or (None,) * len(shape)
    return [
        tuple(
            length if length != -1 else (None if whole is None or start is None else whole - start)
            for whole, start, length in zip(shape, starts, size, strict=True)
        )
    ]


def _strided_slice(node: Node, inputs: Inputs) -> Outputs:
    shape = inputs[0].shape
    begin, end, step = (one.content for one in inputs[1:4])
    if shape is None or begin is None or end is None or step is None:
        return [None]
    masks = {name: node.integer(f"{name}_mask") for name in ("begin", "end", "ellipsis", "new_axis", "shrink_axis")}

    def marked(name: str, place: int) -> bool:
        return bool(masks[name] >> place & 1)

    out: list[int | None] = []
    axis = 0
    new_axes = sum(marked("new_axis", place) for place in range(len(begin)))
    for place in range(len(begin)):
        if marked("ellipsis", place):
            skipped = len(shape) - (len(begin) - 1 - new_axes)
            out += shape[axis : axis + skipped]
            axis += skipped
        elif marked("new_axis", place):
            out.append(1)
        else:
            if not marked("shrink_axis", place):
                size = shape[axis]
                bounds = slice(
                    None if marked("begin", place) else begin[place],
                    None if marked("end", place) else end[place],
                    step[place],
                )
                out.append(None if size is None else len(range(*bounds.indices(size))))
            axis += 1
    return [(*out, *shape[axis:])]


def _tile(_: Node, inputs: Inputs) -> Outputs:
    shape, times = inputs[0].shape, inputs[1].content
    if shape is None or times is None:
        return [None]
    return [tuple(_times(size, count) for size, count in zip(shape, times, strict=True))]


def _pad(_: Node, inputs: Inputs) -> Outputs:
    shape, pads = inputs[0].shape, inputs[1].content
    if shape is None or pads is None:
        return [None if shape is None else (None,) * len(shape)]
    pairs = zip(shape, pads[::2], pads[1::2], strict=True)
    return [tuple(None if size is None else size + before + after for size, before, after in pairs)]


def _gather(node: Node, inputs: Inputs) -> Outputs:
    table, indices = inputs[0].shape, inputs[1].shape
    if table is None or indices is None:
        return [None]
    axis = 0
    if node.op == "GatherV2":
        if inputs[2].content is None:
            return [None]
        axis = _axis(inputs[2].content[0], len(table))
    shared = node.integer("batch_dims")
    return [table[:axis] + indices[shared:] + table[axis + 1 :]]


def _gather_nd(_: Node, inputs: Inputs) -> Outputs:
    table, indices = inputs[0].shape, inputs[1].shape
    if table is None or indices is None or indices[-1] is None:
        return [None]
    return [indices[:-1] + table[indices[-1] :]]


def _resize(_: Node, inputs: Inputs) -> Outputs:
    image, size = _ranked(inputs[0], 4), inputs[1].content
    return [(image[0], *(_sizes(size) if size and len(size) == 2 else (None, None)), image[3])]


def _depth_space(node: Node, inputs: Inputs) -> Outputs:
    image, block = _ranked(inputs[0], 4), node.integer("block_size")
    _, height, width, channels = _axes(node)
    grow = node.op == "DepthToSpace"
    out = list(image)
    for axis in (height, width):
        out[axis] = _scaled(image[axis], block, grow)
    out[channels] = _scaled(image[channels], block * block, not grow)
    return [tuple(out)]


def _batch_space(node: Node, inputs: Inputs) -> Outputs:
    shape, blocks, borders = inputs[0].shape, inputs[1].content, inputs[2].content
    if shape is None or blocks is None or borders is None:
        return [None]
    grow = node.op == "BatchToSpaceND"
    out = [_scaled(shape[0], prod(blocks), not grow)]
    for place, block in enumerate(blocks):
        size = shape[place + 1]
        border = borders[2 * place] + borders[2 * place + 1]
        whole = None if size is None else (size * block - border if grow else size + border)
        out.append(whole if grow else _scaled(whole, block, grow=False))
    return [(*out, *shape[len(blocks) + 1 :])]


def _of_shape(_: Node, inputs: Inputs) -> Outputs:
    shape = inputs[0].shape
    return [None if shape is None else (len(shape),)]


def _scalar(_: Node, __: Inputs) -> Outputs:
    return [()]


def _filled(_: Node, inputs: Inputs) -> Outputs:
    sizes = inputs[0].content
    return [None if sizes is None else _sizes(sizes)]


def _broadcast_to(_: Node, inputs: Inputs) -> Outputs:
    sizes = inputs[1].content
    return [None if sizes is None else _sizes(sizes)]


def _range(_: Node, inputs: Inputs) -> Outputs:
    bounds = [one.content for one in inputs[:3]]
    if any(bound is None for bound in bounds):
        return [(None,)]
    return [(len(range(*(bound[0] for bound in bounds if bound))),)]


def _one_hot(node: Node, inputs: Inputs) -> Outputs:
    shape, depth = inputs[0].shape, inputs[1].content
    if shape is None:
        return [None]
    place = len(shape) if node.integer("axis", -1) == -1 else _axis(node.integer("axis"), len(shape) + 1)
    return [(*shape[:place], depth[0] if depth else None, *shape[place:])]


def _top_k(_: Node, inputs: Inputs) -> Outputs:
    shape, count = inputs[0].shape, inputs[1].content
    if shape is None:
        return [None, None]
    return [(*shape[:-1], count[0] if count else None)] * 2


def _normalised(_: Node, inputs: Inputs) -> Outputs:
    """Fused batch norm: the result, then the values for training, one number per channel."""
    return [inputs[0].shape, *[inputs[1].shape] * 5]


def _einsum(node: Node, inputs: Inputs) -> Outputs:
    labels = einsum_sizes(node, inputs)
    return [None if labels is None else tuple(labels[label] for label in _equation(node)[1])]


def einsum_sizes(node: Node, inputs: Inputs) -> dict[str, int | None] | None:
    """Size of every label of an Einsum equation; None for equations with an ellipsis."""
    terms, _ = _equation(node)
    shapes = [one.shape for one in inputs]
    if any("." in term for term in terms) or any(shape is None for shape in shapes):
        return None
    sizes: dict[str, int | None] = {}
    for term, shape in zip(terms, shapes, strict=True):
        sizes |= dict(zip(term, shape or (), strict=True))
    return sizes


def _equation(node: Node) -> tuple[list[str], str]:
    left, _, right = node.text("equation").replace(" ", "").partition("->")
    return left.split(","), right


def _sane(shape: Shape | None) -> Shape | None:
    """The shape, unless no tensor can have it: a crafted graph can compute absurd shapes."""
    absurd = shape is not None and (
        len(shape) > _MAX_RANK or any(size is not None and size > _MAX_SIZE for size in shape)
    )
    return None if absurd else shape


def _shaped(shape: Shape) -> Known:
    return Known("", Value("float32", shape))


def _ranked(one: Known, rank: int) -> Shape:
    shape = one.shape
    if shape is None:
        return (None,) * rank
    if len(shape) != rank:
        raise ValueError("another rank")
    return shape


def _sizes(numbers: Sequence[int]) -> tuple[int, ...]:
    if any(number < 0 for number in numbers):
        raise ValueError("a size is negative")
    return tuple(numbers)


def _axis(axis: int, rank: int) -> int:
    if not -rank <= axis < rank:
        raise ValueError("no such axis")
    return axis % rank


def _times(left: int | None, right: int | None) -> int | None:
    return None if left is None or right is None else left * right


def _scaled(size: int | None, factor: int, grow: bool) -> int | None:
    if size is None or factor < 1:
        return None
    return size * factor if grow else size // factor


def _positive(size: int) -> int:
    return max(size, 0)


def _full(shape: Shape | None) -> bool:
    return shape is not None and None not in shape


def _volume(shape: Shape | None) -> int:
    return prod(size for size in shape or () if size is not None)


_RULES: dict[str, Rule] = {
    **dict.fromkeys(_SAME, _same),
    **dict.fromkeys(_BROADCAST, _broadcast),
    **dict.fromkeys(_REDUCE, _reduce),
    **dict.fromkeys(("Conv2D", "_FusedConv2D", "FusedConv2D"), _convolution),
    **dict.fromkeys(("DepthwiseConv2dNative", "DepthwiseConv2d", "FusedDepthwiseConv2dNative"), _convolution),
    **dict.fromkeys(("MatMul", "_FusedMatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3"), _matmul),
    **dict.fromkeys(("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"), _normalised),
    **dict.fromkeys(("ArgMax", "ArgMin"), _arg_reduce),
    **dict.fromkeys(("AvgPool", "MaxPool"), _pool),
    **dict.fromkeys(("Concat", "ConcatV2"), _concat),
    **dict.fromkeys(("Split", "SplitV"), _split),
    **dict.fromkeys(("Pad", "PadV2", "MirrorPad"), _pad),
    **dict.fromkeys(("Gather", "GatherV2", "ResourceGather"), _gather),
    **dict.fromkeys(("ResizeBilinear", "ResizeNearestNeighbor", "ResizeBicubic"), _resize),
    **dict.fromkeys(("DepthToSpace", "SpaceToDepth"), _depth_space),
    **dict.fromkeys(("BatchToSpaceND", "SpaceToBatchND"), _batch_space),
    **dict.fromkeys(("Size", "Rank"), _scalar),
    "BroadcastTo": _broadcast_to,
    "Conv2DBackpropInput": _deconvolution,
    "Conv3D": _convolution_3d,
    "Einsum": _einsum,
    "ExpandDims": _expand_dims,
    "Fill": _filled,
    "GatherNd": _gather_nd,
    "OneHot": _one_hot,
    "Pack": _pack,
    "Range": _range,
    "Reshape": _reshape,
    "Shape": _of_shape,
    "Slice": _slice,
    "Squeeze": _squeeze,
    "StridedSlice": _strided_slice,
    "Tile": _tile,
    "TopKV2": _top_k,
    "Transpose": _transpose,
    "Unpack": _unpack,
}  # fmt: skip


def _elementwise(function: Callable[[int, int], int]) -> Callable[[Node, Inputs], Sequence[int] | None]:
    def rule(_: Node, inputs: Inputs) -> Sequence[int] | None:
        left, right = inputs[0].content, inputs[1].content
        if left is None or right is None:
            return None
        longest = max(len(left), len(right))
        if {len(left), len(right)} - {1, longest}:
            return None
        return [
            function(a, b) for a, b in zip(left * (longest // len(left)), right * (longest // len(right)), strict=True)
        ]

    return rule


def _shape_content(_: Node, inputs: Inputs) -> Sequence[int] | None:
    shape = inputs[0].shape
    return None if shape is None or None in shape else [size for size in shape if size is not None]


def _joined(_: Node, inputs: Inputs) -> Sequence[int] | None:
    parts = [one.content for one in inputs]
    return None if any(part is None for part in parts) else [number for part in parts for number in part or ()]


def _sliced(node: Node, inputs: Inputs) -> Sequence[int] | None:
    numbers = inputs[0].content
    begin, end, step = (one.content for one in inputs[1:4])
    if numbers is None or len(inputs[0].shape or ()) != 1 or not begin or not end or not step or len(begin) != 1:
        return None
    if node.integer("shrink_axis_mask"):
        return [numbers[begin[0]]]
    first = None if node.integer("begin_mask") else begin[0]
    last = None if node.integer("end_mask") else end[0]
    return numbers[first : last : step[0]]


def _picked(_: Node, inputs: Inputs) -> Sequence[int] | None:
    numbers, indices = inputs[0].content, inputs[1].content
    if numbers is None or indices is None or len(inputs[0].shape or ()) != 1:
        return None
    return [numbers[_axis(index, len(numbers))] for index in indices]


def _kept(_: Node, inputs: Inputs) -> Sequence[int] | None:
    return inputs[0].content


def _multiplied(_: Node, inputs: Inputs) -> Sequence[int] | None:
    return None if inputs[0].content is None else [prod(inputs[0].content)]


_CONTENTS: dict[str, Callable[[Node, Inputs], Sequence[int] | None]] = {
    "Shape": _shape_content,
    "Pack": _joined,
    "ConcatV2": lambda node, inputs: _joined(node, inputs[:-1]),
    "StridedSlice": _sliced,
    **dict.fromkeys(("Gather", "GatherV2"), _picked),
    **dict.fromkeys(("Reshape", "ExpandDims", "Squeeze", "Cast", "Identity"), _kept),
    "Prod": _multiplied,
    **dict.fromkeys(("Add", "AddV2"), _elementwise(lambda a, b: a + b)),
    "Sub": _elementwise(lambda a, b: a - b),
    "Mul": _elementwise(lambda a, b: a * b),
    "FloorDiv": _elementwise(lambda a, b: a // b),
    "Maximum": _elementwise(max),
    "Minimum": _elementwise(min),
}  # fmt: skip
