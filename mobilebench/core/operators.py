"""One vocabulary of operator types for every engine, native and web.

Each engine has its own names for what it runs: TFLite's builtin operators (`CONV_2D`), XNNPACK's operators and
microkernels (`Convolution (NHWC, F32) IGEMM`), ONNX and ONNX Runtime's fused and blocked operators (`Conv`,
`com.microsoft.nchwc:ReorderInput`), TensorFlow's and TensorFlow.js' kernels (`_FusedConv2D`, `GatherV2`). Those names
are stored; the type is found when results are read, so a better table also serves older runs.

The types are fine enough to compare the kernel tables of Wang et al. with ours. Theirs are TensorFlow.js kernels:
FusedConv2D is a `convolution`, FusedDwConv2D a `depthwise convolution`, Einsum and FusedMatMul together are `matmul`,
GatherV2 is `gather`, Add and Multiply are `elementwise`, Slice (and Reshape, of their memory figure) `data movement`.

The class says what limits an operator's speed. *Compute-intensive* operators use every value that they read in many
multiply-adds: their arithmetic intensity (operations per byte) grows with the size of a kernel, a filter bank or a
matrix. *Memory-intensive* operators read every value about once and do a few operations with it, or only move it: their
speed is limited by memory. Depthwise convolutions reuse little, but Wang et al. count FusedDwConv2D as
compute-intensive, and so do we. Types without a class (`delegated part`, `other`) are in neither share.

Sources:
    types: Q. Wang et al., "Anatomizing Deep Learning Inference in Web Browsers", ACM TOSEM 34 (2025), section 4.1 and
        tables 12 to 17.
    classes: there; and S. Williams, A. Waterman, D. Patterson, "Roofline: An Insightful Visual Performance Model for
        Multicore Architectures", Communications of the ACM 52 (2009), for arithmetic intensity.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Literal, get_args

OperatorType = Literal[
    "convolution",
    "depthwise convolution",
    "transposed convolution",
    "matmul",
    "attention",
    "recurrent",
    "gather",
    "elementwise",
    "pooling",
    "reduction",
    "data movement",
    "resize",
    "number format",
    "delegated part",
    "other",
]
TYPES: tuple[OperatorType, ...] = get_args(OperatorType)
Intensity = Literal["compute", "memory"]

MEANING: dict[OperatorType, str] = {
    "convolution": "convolutions in 1, 2 or 3 dimensions, pointwise ones too, with what is fused into them",
    "depthwise convolution": "one filter for each channel",
    "transposed convolution": "convolutions that enlarge",
    "matmul": "matrix products: fully connected layers, batched products, einsum",
    "attention": "attention as one fused operator",
    "recurrent": "LSTM, GRU and plain recurrent layers",
    "gather": "reads by index: embeddings, gather, scatter, one-hot",
    "elementwise": "arithmetic, comparisons and activations of each element",
    "pooling": "average and maximum over a window",
    "reduction": "sums, means, maxima, softmax and normalisation along an axis",
    "data movement": "concatenation, slices, transposition, padding, reshaping and copies",
    "resize": "interpolation and other resampling of pictures",
    "number format": "quantise, dequantise and casts",
    "delegated part": "a part of the graph that ran as one node of a delegate, which no profiler looks into",
    "other": "everything else, and names that are not known",
}

_COMPUTE: frozenset[OperatorType] = frozenset(
    {"convolution", "depthwise convolution", "transposed convolution", "matmul", "attention", "recurrent"}
)
_UNCLASSED: frozenset[OperatorType] = frozenset({"delegated part", "other"})

_NAMES: dict[OperatorType, str] = {
    "convolution": """
        Conv Conv1D Conv2D Conv3D Convolution ConvInteger DeformConv CausalConvWithState WordConvEmbedding Dilation2D
        Dilation2DBackpropInput Dilation2DBackpropFilter Conv2DBackpropFilter Conv3DBackpropFilterV2 ConvAddRelu
        ConvActivation""",
    "depthwise convolution": """
        DepthwiseConv DepthwiseConv2D DepthwiseConv2dNative DepthwiseConv2dNativeBackpropInput
        DepthwiseConv2dNativeBackpropFilter DwConv DwConv2D""",
    "transposed convolution": """
        ConvTranspose TransposeConv Conv2DTranspose Conv3DTranspose Conv2DBackpropInput Conv3DBackpropInputV2
        Deconvolution ConvTransposeWithDynamicPads""",
    "matmul": """
        MatMul MatMulInteger MatMulInteger16 MatMulIntegerToFloat MatMulNBits MatMulBnb4 MatMulFpQ4 TransposeMatMul
        BatchMatMul BatchMatrixMultiply SparseToDenseMatMul SparseTensorDenseMatMul Gemm FullyConnected Dense Einsum
        Linear DotGeneral Dot XlaDot MatMulActivation""",
    "attention": """
        Attention MultiHeadAttention GroupQueryAttention SparseAttention LinearAttention
        DecoderMaskedMultiHeadAttention ScaledDotProductAttention PagedAttention PackedAttention
        PackedMultiHeadAttention MoE""",
    "recurrent": """
        LSTM GRU RNN SVDF UnidirectionalSequenceLSTM BidirectionalSequenceLSTM UnidirectionalSequenceRNN
        BidirectionalSequenceRNN AttnLSTM LSTMBlockCell BlockLSTM CudnnRNN TensorListRNN""",
    "gather": """
        Gather GatherND GatherElements GatherBlockQuantized ResourceGather ResourceGatherNd EmbeddingLookup
        EmbeddingLookupSparse ConcatEmbeddings Scatter ScatterND ScatterElements TensorScatter TensorScatterUpdate
        OneHot SparseToDense ArrayFeatureExtractor RaggedGather DynamicUpdateSlice TensorScatterAdd""",
    "elementwise": """
        Add AddN AddV2 BiasAdd Sub Subtract Mul Multiply Div Divide RealDiv DivNoNan FloorDiv Mod Modulus FloorMod Pow
        Power Squared Square SquaredDifference Sqrt Rsqrt ReciprocalSquareRoot Reciprocal Cbrt CubeRoot Inv Neg Negate
        Negative Abs Sign Maximum Minimum Exp Exponential Expm1 Log Log1p Erf Erfc Sin Sine Cos Cosine Tan Asin Acos
        Atan Atan2 Sinh Cosh Asinh Acosh Atanh Tanh Sigmoid Logistic Relu Relu6 ReluN1To1 Relu0To1 LeakyRelu
        ThresholdedRelu Prelu Elu Celu Selu Gelu ApproxGelu FastGelu QuickGelu BiasGelu BiasSplitGelu HardSwish
        HardSigmoid Swish Silu Mish Softplus Softsign Shrink ScaledTanh ParametricSoftplus Affine ImageScaler Scale
        Clip ClipByValue Clamp Step Ceil Ceiling Floor Round BankersRounding BankdersRounding Rint Equal NotEqual Less
        LessEqual LessOrEqual Greater GreaterEqual GreaterOrEqual Compare And Or Xor Not LogicalAnd LogicalOr
        LogicalNot LogicalXor BitwiseAnd BitwiseOr BitwiseXor BitwiseNot BitShift LeftShift RightShift ShiftLeft
        ShiftRightLogical ShiftRightArithmetic PopulationCount CountLeadingZeros CopySign Where Select IsNaN IsInf
        IsFinite Dropout BinaryElementwise UnaryElementwise RotaryEmbedding MRotaryEmbedding Complex ComplexAbs Real
        Imag EluGrad Xdivy Xlogy Remainder Trilu MatrixBandPart FakeQuant FakeQuantWithMinMaxVars
        FakeQuantWithMinMaxArgs Binarizer""",
    "pooling": """
        AveragePool AvgPool AvgPool3D AveragePool2D AveragePooling MaxPool MaxPool2D MaxPool3D MaxPooling
        MaxPoolWithArgmax MaxpoolWithMask ArgmaxPooling L2Pool2D LpPool GlobalAveragePool GlobalAveragePooling
        GlobalMaxPool GlobalLpPool GlobalSumPooling ReduceWindow Pool AvgPoolGrad AvgPool3DGrad MaxPoolGrad
        MaxPool3DGrad MaxUnpool Unpooling""",
    "reduction": """
        Sum Mean Prod Max Min All Any Reduce ReduceSum ReduceMean ReduceMax ReduceMin ReduceProd ReduceAll ReduceAny
        ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceSumSquare ArgMax ArgMin CumSum Cumprod CumulativeSum
        Softmax LogSoftmax Hardmax BiasSoftmax LayerNormalization SkipLayerNormalization SimplifiedLayerNormalization
        SkipSimplifiedLayerNormalization EmbedLayerNormalization RMSNormalization GroupNorm GroupNormalization
        SkipGroupNorm BatchNormalization BatchNorm FusedBatchNorm InstanceNormalization MeanVarianceNormalization
        LpNormalization L2Normalization Normalizer LocalResponseNormalization LRN LRNGrad SegmentSum UnsortedSegmentSum
        UnsortedSegmentMax UnsortedSegmentMin UnsortedSegmentProd SparseSegmentMean SparseSegmentSum Bincount
        DenseBincount EuclideanNorm SoftmaxCrossEntropyLoss NegativeLogLikelihoodLoss""",
    "data movement": """
        Concat Concatenate Concatenation Slice StridedSlice DynamicSlice Split SplitV SplitDims FuseDims EvenSplit
        EvenSplit2 EvenSplit3 EvenSplit4 Pack Unpack Stack Unstack Reshape StaticReshape Flatten Squeeze Unsqueeze
        ExpandDims StaticExpandDims Transpose Pad PadV2 ConstantPad MirrorPad Tile Expand Broadcast BroadcastTo
        BroadcastInDim StaticBroadcast BroadcastArgs Reverse ReverseV2 ReverseSequence Copy Identity IdentityN
        StopGradient Snapshot DepthToSpace SpaceToDepth BatchToSpace BatchToSpaceND SpaceToBatch SpaceToBatchND
        ReorderInput ReorderOutput MemcpyToHost MemcpyFromHost Fill ZerosLike OnesLike ConstantOfShape Constant Const
        Range LinSpace Iota EyeLike Diag MatrixDiag MatrixSetDiag Shape Size Rank Col2Im UnfoldTensor Dilate Bitcast
        VarHandle ReadVariable ReadVariableOp AssignVariable SequenceAt SequenceConstruct SequenceInsert SequenceErase
        SequenceEmpty SequenceLength SplitToSequence ConcatFromSequence Optional OptionalGetElement OptionalHasElement
        EnsureShape ShapeN NoOp Placeholder PlaceholderWithDefault Ones Zeros CenterCropPad""",
    "resize": """
        Resize ResizeBilinear ResizeNearestNeighbor Upsample CropAndResize Crop GridSample AffineGrid RoiAlign
        MaxRoiPool RotateWithOffset Transform ImageProjectiveTransform FlipLeftRight ResizeBilinearGrad
        ResizeNearestNeighborGrad""",
    "number format": """
        Quantize Dequantize QuantizeLinear DequantizeLinear DynamicQuantizeLinear QuantizeV2 QuantizeAndDequantize
        Requantize Cast CastLike Convert CastMap Densify""",
    "delegated part": """
        TfLiteXNNPackDelegate TfLiteGpuDelegate TfLiteGpuDelegateV2 TfLiteNnapiDelegate TfLiteFlexDelegate
        TfLiteHexagonDelegate TfLiteOpenClDelegate Delegate""",
    "other": """
        If While Loop Scan Call CallOnce Case CustomCall Composite SequenceMap NonMaxSuppression NonMaxSuppressionV3
        NonMaxSuppressionV4 NonMaxSuppressionV5 TFLiteDetectionPostProcess TopK TopKV2 Sort Unique UniqueV2 NonZero
        Compress SearchSorted LowerBound UpperBound Bucketize Hashtable HashtableLookup HashtableFind HashtableImport
        HashtableSize LshProjection SkipGram RandomUniform RandomUniformLike RandomNormal RandomNormalLike
        RandomStandardNormal Multinomial RngBitGenerator FFT IFFT RFFT RFFT2D IRFFT DFT STFT Det Inverse FromPixels
        Draw BlackmanWindow HammingWindow HannWindow MelWeightMatrix Custom Sampling BeamSearch GreedySearch
        RaggedRange RaggedTensorToTensor SparseFillEmptyRows StatelessIf StatelessWhile LoopCond Enter Exit Merge
        Switch NextIteration Print TruncatedNormal RandomUniformInt Bernoulli ListDiff""",
}
"""Type to names, each in one spelling: case, underscores, spaces and affixes such as `Fused` are ignored."""

_OF_ONNX: dict[str, OperatorType] = dict.fromkeys(("sum", "mean", "max", "min"), "elementwise")
"""In ONNX these combine several tensors element by element; in other formats they reduce a tensor along an axis."""
_ONNX_ENGINES = frozenset({"onnxruntime", "ortjs"})

_DECORATIONS = (
    "fused", "nhwc", "nchwc", "qlinear", "dynamicquantize", "dynamic", "quantized", "q", "mkl", "native", "bias",
    "skip", "stablehlo", "static", "sparse", "xla", "resource",
)  # fmt: skip
_VERSION = re.compile(r"(v?\d+|native|ex|linear)$")
_LONGEST_NAME = 200
_DEPTHWISE = re.compile(r"dwconv|depthwise|vmulcaddc")


def operator_type(name: str, engine: str = "") -> OperatorType:
    """The type of an operator or kernel, by the name that `engine` (or the format that it reads) gives it.

    It is `other` if no type fits and for unknown names; `is_known` distinguishes the two.
    """
    found = _find(name, engine.partition("@")[0] in _ONNX_ENGINES)
    return "other" if found is None else found


def is_known(name: str, engine: str = "") -> bool:
    """Whether the vocabulary contains this name, even as `other`."""
    return _find(name, engine.partition("@")[0] in _ONNX_ENGINES) is not None


def intensity(of: OperatorType) -> Intensity | None:
    """Whether compute or memory limits operators of this type; None for types that are in neither class."""
    if of in _UNCLASSED:
        return None
    return "compute" if of in _COMPUTE else "memory"


@cache
def _table() -> dict[str, OperatorType]:
    return {_squashed(name): kind for kind, names in _NAMES.items() for name in names.split()}


@lru_cache(maxsize=4096)
def _find(name: str, onnx: bool) -> OperatorType | None:
    if len(name) > _LONGEST_NAME:
        return None
    operator = re.split(r"[(\[,]", name.rpartition(":")[2].rpartition("/")[2], maxsplit=1)[0]
    plain = _squashed(operator)
    found = (_OF_ONNX.get(plain) if onnx else None) or _look_up(plain)
    if found == "convolution" and _DEPTHWISE.search(_squashed(name)):
        return "depthwise convolution"
    return found


def _look_up(plain: str) -> OperatorType | None:
    """The type of a normalised name, if necessary without its affixes and version."""
    tried: list[str] = [plain]
    for candidate in tried:
        if candidate in _table():
            return _table()[candidate]
        tried += [shorter for shorter in _shorter(candidate) if shorter not in tried]
    return None


def _shorter(plain: str) -> list[str]:
    undecorated = [plain.removeprefix(word) for word in _DECORATIONS if plain.startswith(word)]
    return [one for one in (*undecorated, _VERSION.sub("", plain)) if one and one != plain]


def _squashed(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
