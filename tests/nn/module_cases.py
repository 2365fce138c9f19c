"""One table of layers and losses with their options, and how each case is run.

Each case is run by any library with PyTorch's names: test_modules_torch.py runs it with cgrad and
PyTorch and compares all numbers; test_modules.py, which needs no PyTorch, compares with
module_values.json, written from PyTorch 2.13 by ``python tests/nn/module_cases.py``.  Inputs and
parameters come from formulas, not from a random generator.
"""
# ruff: noqa: E501, since a table reads best with a case a line
from __future__ import annotations

import json
from pathlib import Path

import numpy as np

VALUES = Path(__file__).with_name("module_values.json")


def waves(shape, k=0):
    """Numbers between -1.5 and 1.5 without ties."""
    n = int(np.prod(shape))
    return (1.5 * np.sin(1.7 * np.arange(n) + 0.3 * k + 0.2)).reshape(shape)


def ids(high, shape, low=0):
    return (low + np.arange(int(np.prod(shape))) * 7 % (high - low)).reshape(shape)


def signs(shape):
    return np.where(ids(3, shape) == 0, -1.0, 1.0)


def chances(shape, k=0):
    return 0.5 + 0.3 * waves(shape, k)


def distribution(shape, dim=-1):
    e = np.exp(waves(shape, 5))
    return e / e.sum(dim, keepdims=True)


class Fixed:
    """An input that takes no gradient."""

    def __init__(self, value):
        self.value = np.asarray(value)


def F(value):
    return Fixed(value)


def squared_distance(x, y):
    return (x - y).square().sum(-1)


X = waves((3, 4))
IMAGE = waves((2, 4, 6, 5))
LINE = waves((2, 4, 9))
SOLID = waves((1, 2, 5, 4, 6))
LOGITS = waves((5, 4))
CLASSES = F(ids(4, (5,)))

# name, arguments, options, inputs (arrays: with gradient, Fixed: without)
CASES = [
    # activations
    *[(name, args, {}, [X]) for name, *args in (
        ("ReLU",), ("ReLU6",), ("Sigmoid",), ("Tanh",), ("SiLU",), ("Mish",), ("ELU",), ("ELU", 0.5),
        ("CELU",), ("CELU", 0.7), ("SELU",), ("GELU",), ("GELU", "tanh"), ("Hardtanh",),
        ("Hardtanh", -0.5, 0.8), ("Hardsigmoid",), ("Hardswish",), ("LeakyReLU",),
        ("LeakyReLU", 0.3), ("LogSigmoid",), ("Softplus",), ("Softplus", 3.0, 2.0), ("Softshrink",),
        ("Softshrink", 0.2), ("Hardshrink",), ("Hardshrink", 0.9), ("Softsign",), ("Tanhshrink",),
        ("Threshold", 0.1, -2.0), ("PReLU",), ("PReLU", 4, 0.1), ("GLU",), ("GLU", 1),
        ("Softmax", 1), ("Softmax", 0), ("LogSoftmax", 1), ("Softmin", 0), ("Identity",),
    )],
    *[(name, (), {"inplace": True}, [X]) for name in (
        "ReLU", "ReLU6", "SiLU", "Mish", "ELU", "CELU", "SELU", "Hardtanh", "Hardsigmoid", "Hardswish",
        "LeakyReLU")],
    ("Threshold", (0.1, -2.0, True), {}, [X]), ("RReLU", (0.2, 0.2), {}, [X]),
    ("RReLU", (0.2, 0.2, True), {}, [X]), ("PReLU", (4,), {}, [IMAGE]), ("Softmax2d", (), {}, [IMAGE]),
    ("MultiheadAttention", (4, 2), {"batch_first": True}, [waves((2, 3, 4), k) for k in range(3)]),
    ("MultiheadAttention", (4, 1), {"kdim": 3, "vdim": 2, "bias": False},
     [waves((2, 3, 4)), waves((4, 3, 3), 1), waves((4, 3, 2), 2)]),
    ("MultiheadAttention", (4, 2), {"add_bias_kv": True, "add_zero_attn": True},
     [waves((3, 4), k) for k in range(3)]),
    # linear
    ("Linear", (4, 3), {}, [X]), ("Linear", (4, 3), {"bias": False}, [X]), ("Linear", (9, 2), {}, [LINE]),
    ("Linear", (4, 3), {}, [waves((4,))]),
    ("Bilinear", (4, 2, 3), {}, [X, waves((3, 2), 1)]),
    ("Bilinear", (4, 2, 3), {"bias": False}, [waves((2, 3, 4)), waves((2, 3, 2), 1)]),
    # convolution
    ("Conv1d", (4, 6, 3), {}, [LINE]), ("Conv1d", (4, 2, 3), {"stride": 2, "padding": 1}, [LINE]),
    ("Conv1d", (4, 4, 3), {"groups": 4, "dilation": 2, "bias": False}, [LINE]),
    ("Conv1d", (4, 2, 4), {"padding": "same"}, [LINE]), ("Conv1d", (4, 2, 3), {}, [waves((4, 6))]),
    ("Conv1d", (4, 2, 3), {"padding": 2, "padding_mode": "circular"}, [LINE]),
    ("Conv2d", (4, 3, 3), {}, [IMAGE]), ("Conv2d", (4, 3, 3), {}, [waves((4, 6, 5))]),
    ("Conv2d", (4, 2, (3, 2)), {"stride": (2, 1), "padding": (1, 0), "bias": False}, [IMAGE]),
    ("Conv2d", (4, 6, 2), {"groups": 2, "dilation": (1, 2)}, [IMAGE]),
    ("Conv2d", (4, 3, 3), {"padding": "valid"}, [IMAGE]),
    ("Conv2d", (4, 3, 3), {"padding": 1, "padding_mode": "reflect"}, [IMAGE]),
    ("Conv2d", (4, 3, (3, 4)), {"padding": "same", "padding_mode": "replicate"}, [IMAGE]),
    ("Conv3d", (2, 3, 2), {}, [SOLID]), ("Conv3d", (2, 2, (2, 1, 3)), {"groups": 2}, [SOLID]),
    ("Conv3d", (2, 3, 3), {"stride": 2, "padding": 1, "dilation": (1, 1, 2)}, [SOLID]),
    ("ConvTranspose1d", (4, 3, 3), {}, [LINE]), ("ConvTranspose1d", (4, 2, 4),
     {"stride": 3, "padding": 1, "output_padding": 2, "groups": 2, "bias": False}, [LINE]),
    ("ConvTranspose2d", (4, 3, 3), {}, [IMAGE]), ("ConvTranspose2d", (4, 4, (3, 2)),
     {"stride": 2, "padding": (1, 0), "output_padding": (1, 0), "groups": 2}, [IMAGE]),
    ("ConvTranspose2d", (4, 2, 2), {"dilation": 2}, [waves((4, 3, 3))]),
    ("ConvTranspose3d", (2, 3, 2), {}, [SOLID]),
    ("ConvTranspose3d", (2, 2, (1, 2, 3)), {"stride": (1, 2, 1), "groups": 2}, [SOLID]),
    ("Fold", ((4, 5), (2, 3)), {}, [waves((2, 12, 9))]),
    ("Fold", ((4, 4), 2), {"stride": 2, "padding": 1, "dilation": 1}, [waves((2, 8, 9))]),
    ("Unfold", ((2, 3),), {}, [IMAGE]),
    ("Unfold", (3,), {"dilation": 2, "padding": 1, "stride": (1, 2)}, [IMAGE]),
    # pooling
    ("MaxPool1d", (2,), {}, [LINE]), ("MaxPool1d", (3, 2, 1), {"return_indices": True}, [LINE]),
    ("MaxPool1d", (2,), {"ceil_mode": True, "dilation": 2}, [LINE]),
    ("MaxPool2d", (2,), {}, [IMAGE]), ("MaxPool2d", ((3, 2), 2, (1, 0)), {}, [IMAGE]),
    ("MaxPool2d", (2,), {"ceil_mode": True, "return_indices": True}, [IMAGE]),
    ("MaxPool2d", (2, 1), {"dilation": 2}, [waves((4, 6, 5))]),
    ("MaxPool3d", (2,), {}, [SOLID]), ("MaxPool3d", ((1, 2, 3), 1, (0, 1, 1)), {}, [SOLID]),
    ("MaxUnpool1d", (2,), {}, [waves((1, 2, 3)), F([[[0, 3, 5], [1, 2, 4]]])]),
    ("MaxUnpool2d", (2, 2), {}, [waves((1, 1, 2, 2)), F([[[[0, 3], [9, 15]]]])]),
    ("MaxUnpool3d", (2,), {}, [waves((1, 1, 1, 1, 2)), F([[[[[5, 10]]]]])]),
    ("AvgPool1d", (3,), {}, [LINE]), ("AvgPool1d", (3, 2, 1, True, False), {}, [LINE]),
    ("AvgPool2d", (2,), {}, [IMAGE]), ("AvgPool2d", ((3, 2), 1, 1), {"count_include_pad": False}, [IMAGE]),
    ("AvgPool2d", (3, 2), {"ceil_mode": True, "divisor_override": 4}, [IMAGE]),
    ("AvgPool3d", (2,), {}, [SOLID]), ("AvgPool3d", ((2, 1, 3), 2), {"divisor_override": 3}, [SOLID]),
    ("LPPool1d", (2, 3), {}, [waves((2, 4, 9)) + 2]), ("LPPool1d", (1, 2, 3, True), {}, [LINE + 2]),
    ("LPPool2d", (2, 2), {}, [IMAGE + 2]), ("LPPool2d", (3, (2, 3)), {"stride": 1}, [IMAGE + 2]),
    ("LPPool3d", (2, 2), {}, [SOLID + 2]),
    ("AdaptiveAvgPool1d", (4,), {}, [LINE]), ("AdaptiveAvgPool2d", ((4, 2),), {}, [IMAGE]),
    ("AdaptiveAvgPool2d", ((None, 3),), {}, [IMAGE]), ("AdaptiveAvgPool2d", (1,), {}, [IMAGE]),
    ("AdaptiveAvgPool3d", ((2, 3, 4),), {}, [SOLID]),
    ("AdaptiveMaxPool1d", (4,), {"return_indices": True}, [LINE]),
    ("AdaptiveMaxPool2d", ((4, 2),), {}, [IMAGE]), ("AdaptiveMaxPool2d", ((None, 3), True), {}, [IMAGE]),
    ("AdaptiveMaxPool3d", ((2, 3, 4),), {}, [SOLID]),
    # padding
    *[(f"{kind}Pad{d}d", (size, *extra), {}, [x])
      for kind, *extra in (("Reflection",), ("Replication",), ("Circular",), ("Constant", 2.5), ("Zero",))
      for d, x, sizes in ((1, LINE, (2, (1, 3))), (2, IMAGE, (1, (0, 2, 1, 3))),
                          (3, SOLID, (1, (0, 1, 1, 0, 2, 1))))
      for size in sizes],
    # normalization
    *[(f"BatchNorm{d}d", (c,), options, [x]) for d, c, x in ((1, 4, LINE), (2, 4, IMAGE), (3, 2, SOLID))
      for options in ({}, {"affine": False}, {"track_running_stats": False}, {"momentum": None},
                      {"eps": 0.1, "momentum": 0.3})],
    ("BatchNorm1d", (4,), {}, [LOGITS]),
    *[(f"InstanceNorm{d}d", (c,), options, [x]) for d, c, x in ((1, 4, LINE), (2, 4, IMAGE), (3, 2, SOLID))
      for options in ({}, {"affine": True}, {"affine": True, "track_running_stats": True, "eps": 0.1})],
    ("InstanceNorm1d", (4,), {}, [waves((4, 6))]), ("InstanceNorm2d", (4,), {}, [waves((4, 3, 5))]),
    ("LayerNorm", (4,), {}, [X]), ("LayerNorm", ([6, 5],), {"eps": 0.1}, [IMAGE]),
    ("LayerNorm", (4,), {"bias": False}, [X]), ("LayerNorm", (4,), {"elementwise_affine": False}, [X]),
    ("RMSNorm", (4,), {}, [X]), ("RMSNorm", ([6, 5], 0.1, False), {}, [IMAGE]),
    ("GroupNorm", (2, 4), {}, [IMAGE]), ("GroupNorm", (4, 4, 0.1, False), {}, [X]),
    ("GroupNorm", (1, 4), {}, [LINE]),
    ("LocalResponseNorm", (2,), {}, [IMAGE]), ("LocalResponseNorm", (3, 0.1, 0.5, 2.0), {}, [LINE]),
    # without dropping anything
    *[(name, (0.0,), {}, [x]) for name, x in (
        ("Dropout", X), ("Dropout1d", LINE), ("Dropout2d", IMAGE), ("Dropout3d", SOLID),
        ("AlphaDropout", X), ("FeatureAlphaDropout", IMAGE))],
    # embeddings
    ("Embedding", (7, 3), {}, [F(ids(7, (2, 5)))]), ("Embedding", (7, 3), {"padding_idx": 2}, [F(ids(7, (4,)))]),
    ("Embedding", (7, 3), {"scale_grad_by_freq": True}, [F([1, 1, 3])]),
    ("Embedding", (7, 3), {"max_norm": 0.8, "norm_type": 1.0}, [F([1, 1, 3])]),
    ("EmbeddingBag", (7, 3), {}, [F(ids(7, (2, 5)))]), ("EmbeddingBag", (7, 3), {"mode": "sum"},
     [F(ids(7, (6,))), F([0, 2, 5])]), ("EmbeddingBag", (7, 3), {"mode": "max"}, [F(ids(7, (2, 5)))]),
    ("EmbeddingBag", (7, 3), {"include_last_offset": True, "padding_idx": 0},
     [F(ids(7, (6,))), F([0, 2, 6])]),
    # recurrent layers and transformers; more of their options are in test_rnn.py and test_transformer.py
    *[(name, (3, 4), options, [waves((5, 2, 3))]) for name in ("RNN", "LSTM", "GRU")
      for options in ({}, {"num_layers": 2, "bidirectional": True}, {"bias": False, "batch_first": True})],
    ("RNN", (3, 4), {"nonlinearity": "relu"}, [waves((5, 2, 3))]),
    ("LSTM", (3, 4), {"proj_size": 2}, [waves((5, 2, 3))]),
    ("GRU", (3, 4), {}, [waves((5, 3)), waves((1, 4), 1)]),
    *[(name, (3, 4), options, [waves((2, 3))]) for name in ("RNNCell", "LSTMCell", "GRUCell")
      for options in ({}, {"bias": False})],
    ("RNNCell", (3, 4), {"nonlinearity": "relu"}, [waves((3,)), waves((4,), 1)]),
    *[(name, (4, 2, 8, 0.0), options, [waves((3, 2, 4), k) for k in range(n)])
      for name, n in (("TransformerEncoderLayer", 1), ("TransformerDecoderLayer", 2))
      for options in ({}, {"norm_first": True, "activation": "gelu"}, {"batch_first": True, "bias": False})],
    ("Transformer", (4, 2, 1, 1, 8, 0.0), {}, [waves((3, 2, 4)), waves((2, 2, 4), 1)]),
    # shapes, distances, upsampling
    ("Flatten", (), {}, [IMAGE]), ("Flatten", (2,), {}, [IMAGE]), ("Flatten", (0, -2), {}, [IMAGE]),
    ("Unflatten", (1, (2, 2)), {}, [IMAGE]), ("Unflatten", (-1, (-1, 3)), {}, [LINE]),
    ("PixelShuffle", (2,), {}, [IMAGE]), ("PixelUnshuffle", (2,), {}, [waves((2, 3, 4, 6))]),
    ("ChannelShuffle", (2,), {}, [IMAGE]),
    ("CosineSimilarity", (), {}, [X, waves((3, 4), 1)]), ("CosineSimilarity", (0, 0.5), {}, [X, waves((3, 4), 1)]),
    ("PairwiseDistance", (), {}, [X, waves((3, 4), 1)]),
    ("PairwiseDistance", (1.0, 0.1, True), {}, [X, waves((3, 4), 1)]),
    ("Upsample", ((7, 8),), {}, [IMAGE]), ("Upsample", (), {"scale_factor": 2}, [LINE]),
    ("Upsample", (), {"scale_factor": (1.5, 2.0), "mode": "bilinear"}, [IMAGE]),
    ("Upsample", (), {"scale_factor": 1.7, "mode": "bicubic", "recompute_scale_factor": True}, [IMAGE]),
    ("Upsample", (13,), {"mode": "linear", "align_corners": True}, [LINE]),
    ("Upsample", (), {"scale_factor": 2.0, "mode": "trilinear"}, [SOLID]),
    ("Upsample", (), {"scale_factor": 1.3, "mode": "nearest-exact"}, [IMAGE]),
    ("UpsamplingNearest2d", (), {"scale_factor": 2}, [IMAGE]), ("UpsamplingBilinear2d", ((7, 9),), {}, [IMAGE]),
    # losses
    *[(name, args, {**options, "reduction": reduction}, [LOGITS, waves((5, 4), 3)])
      for name, args, options in (
          ("L1Loss", (), {}), ("MSELoss", (), {}), ("SmoothL1Loss", (), {}), ("SmoothL1Loss", (), {"beta": 0.3}),
          ("HuberLoss", (), {}), ("HuberLoss", (), {"delta": 0.3}), ("KLDivLoss", (), {"log_target": True}))
      for reduction in ("mean", "sum", "none")],
    *[("KLDivLoss", (), {"reduction": reduction}, [LOGITS, distribution((5, 4))])
      for reduction in ("mean", "batchmean", "sum", "none")],
    *[(name, args, {**options, "reduction": reduction}, inputs)
      for name, args, options, *inputs in (
          ("SoftMarginLoss", (), {}, LOGITS, F(signs((5, 4)))),
          ("HingeEmbeddingLoss", (0.7,), {}, LOGITS, F(signs((5, 4)))),
          ("PoissonNLLLoss", (), {}, LOGITS, F(ids(4, (5, 4)) * 1.0)),
          ("PoissonNLLLoss", (False, True), {"eps": 0.1}, chances((5, 4)), F(ids(4, (5, 4)) * 1.0)),
          ("GaussianNLLLoss", (), {}, LOGITS, waves((5, 4), 3), chances((5, 4), 7)),
          ("GaussianNLLLoss", (), {"full": True, "eps": 0.4}, LOGITS, waves((5, 4), 3), chances((5, 1), 7)),
          ("BCELoss", (), {}, chances((5, 4)), F(chances((5, 4), 2))),
          ("BCEWithLogitsLoss", (), {}, LOGITS, F(chances((5, 4), 2))),
          ("BCELoss", (), {"weight": F(chances((4,)))}, chances((5, 4)), F(chances((5, 4), 2))),
          ("BCEWithLogitsLoss", (), {"weight": F(chances((4,))), "pos_weight": F(chances((4,), 1))},
           LOGITS, F(chances((5, 4), 2))),
          ("NLLLoss", (), {}, LOGITS, CLASSES),
          ("NLLLoss", (), {"weight": F(chances((4,))), "ignore_index": 3}, LOGITS, CLASSES),
          ("NLLLoss", (), {}, IMAGE, F(ids(4, (2, 6, 5)))),
          ("CrossEntropyLoss", (), {}, LOGITS, CLASSES),
          ("CrossEntropyLoss", (), {"weight": F(chances((4,))), "label_smoothing": 0.1}, LOGITS, CLASSES),
          ("CrossEntropyLoss", (), {"ignore_index": 1}, IMAGE, F(ids(4, (2, 6, 5)))),
          ("CrossEntropyLoss", (), {}, LOGITS, F(distribution((5, 4)))),
          ("MultiMarginLoss", (), {}, LOGITS, CLASSES),
          ("MultiMarginLoss", (2, 0.5), {"weight": F(chances((4,)))}, LOGITS, CLASSES),
          ("MultiLabelMarginLoss", (), {}, waves((2, 4)), F([[3, 0, -1, 1], [1, -1, 0, 2]])),
          ("MultiLabelSoftMarginLoss", (), {}, LOGITS, F(ids(2, (5, 4)) * 1.0)),
          ("MultiLabelSoftMarginLoss", (), {"weight": F(chances((4,)))}, LOGITS, F(ids(2, (5, 4)) * 1.0)),
          ("CTCLoss", (), {}, np.log(distribution((6, 2, 4))), F(ids(4, (2, 3), 1)), F([6, 5]), F([3, 2])),
          ("CTCLoss", (3, ), {"zero_infinity": True}, np.log(distribution((6, 2, 4))), F(ids(3, (2, 3))),
           F([6, 2]), F([3, 3])),
          ("CosineEmbeddingLoss", (0.2,), {}, LOGITS, waves((5, 4), 3), F(signs((5,)))),
          ("MarginRankingLoss", (0.2,), {}, waves((5,)), waves((5,), 3), F(signs((5,)))),
          ("TripletMarginLoss", (), {}, *(waves((5, 4), k) for k in (0, 3, 5))),
          ("TripletMarginLoss", (0.5, 1.0), {"swap": True, "eps": 0.1}, *(waves((5, 4), k) for k in (0, 3, 5))),
          ("TripletMarginWithDistanceLoss", (), {"margin": 0.5, "swap": True},
           *(waves((5, 4), k) for k in (0, 3, 5))))
      for reduction in ("mean", "sum", "none")],
    ("LinearCrossEntropyLoss", (4, 3), {}, [X, F([0, 2, 1])]),
    ("LinearCrossEntropyLoss", (4, 3), {"bias": True, "out_features": (2,), "reduction": "sum"},
     [X, F(ids(3, (3, 2)))]),
    ("AdaptiveLogSoftmaxWithLoss", (4, 9, [2, 5]), {"div_value": 2.0}, [LOGITS, F([0, 8, 3, 1, 6])]),
    ("AdaptiveLogSoftmaxWithLoss", (4, 9, [3]), {"head_bias": True}, [waves((4,)), F(7)]),
    # options that no case above sets
    *[(f"BatchNorm{d}d", (c,), {"bias": False}, [x]) for d, c, x in ((1, 4, LINE), (2, 4, IMAGE), (3, 2, SOLID))],
    *[(f"InstanceNorm{d}d", (c,),
       {"affine": True, "bias": False, "track_running_stats": True, "momentum": 0.4}, [x])
      for d, c, x in ((1, 4, LINE), (2, 4, IMAGE), (3, 2, SOLID))],
    ("GroupNorm", (2, 4), {"bias": False}, [IMAGE]),
    *[(name, (0.0, True), {}, [x]) for name, x in (
        ("Dropout", X), ("Dropout1d", LINE), ("Dropout2d", IMAGE), ("Dropout3d", SOLID), ("AlphaDropout", X),
        ("FeatureAlphaDropout", IMAGE))],
    ("Conv3d", (2, 2, 3), {"bias": False, "padding": 1, "padding_mode": "circular"}, [SOLID]),
    ("Conv3d", (2, 2, 2), {"padding": "same", "padding_mode": "replicate"}, [SOLID]),
    ("ConvTranspose1d", (4, 2, 3), {"dilation": 2, "padding": 1}, [LINE]),
    ("ConvTranspose2d", (4, 2, 3), {"bias": False}, [IMAGE]),
    ("ConvTranspose3d", (2, 2, 2), {"stride": 2, "padding": 1, "output_padding": (0, 1, 1), "dilation": (1, 2, 2),
     "bias": False}, [SOLID]),
    ("Fold", ((5, 5), 2), {"dilation": (2, 1), "stride": (1, 2)}, [waves((1, 8, 6))]),
    ("AdaptiveMaxPool3d", ((2, 3, 4),), {"return_indices": True}, [SOLID]),
    ("AvgPool3d", (3, 2), {"padding": 1, "ceil_mode": True, "count_include_pad": False}, [SOLID]),
    ("LPPool2d", (2, (4, 2)), {"ceil_mode": True}, [IMAGE + 2]),
    ("LPPool3d", (3, 2), {"stride": 1, "ceil_mode": True}, [SOLID + 2]),
    ("MaxPool3d", (2,), {"stride": (2, 1, 2), "dilation": (1, 2, 1), "return_indices": True, "ceil_mode": True},
     [SOLID]),
    ("MaxUnpool1d", (3, 2, 1), {}, [waves((1, 2, 3)), F([[[0, 3, 4], [1, 2, 4]]])]),
    ("MaxUnpool2d", (3,), {"stride": 2, "padding": 1}, [waves((1, 1, 2, 2)), F([[[[0, 2], [6, 8]]]])]),
    ("MaxUnpool3d", (3,), {"stride": 2, "padding": (1, 1, 0)}, [waves((1, 1, 1, 1, 2)), F([[[[[0, 4]]]]])]),
    ("Embedding", (7, 3), {"_weight": F(waves((7, 3))), "_freeze": True}, [F(ids(7, (4,)))]),
    ("EmbeddingBag", (7, 3), {"max_norm": 0.8, "norm_type": 1.0, "scale_grad_by_freq": True},
     [F(ids(7, (2, 5)))]),
    ("EmbeddingBag", (7, 3), {"_weight": F(waves((7, 3))), "mode": "sum"}, [F(ids(7, (2, 5)))]),
    ("LinearCrossEntropyLoss", (4, 3), {"weight": F(chances((3,))), "ignore_index": 2, "label_smoothing": 0.2},
     [X, F([0, 2, 1])]),
    *[(name, (4, 2, 8, 0.0), {"layer_norm_eps": 0.1}, [waves((3, 2, 4), k) for k in range(n)])
      for name, n in (("TransformerEncoderLayer", 1), ("TransformerDecoderLayer", 2))],
    ("Transformer", (4, 2, 1, 1, 8, 0.0), {"activation": "gelu", "layer_norm_eps": 0.1, "batch_first": True,
     "norm_first": True, "bias": False}, [waves((2, 3, 4)), waves((2, 2, 4), 1)]),
    ("TripletMarginWithDistanceLoss", (),
     {"distance_function": squared_distance}, [waves((5, 4), k) for k in (0, 3, 5)]),
    ("UpsamplingBilinear2d", (), {"scale_factor": 1.5}, [IMAGE]), ("UpsamplingNearest2d", (5,), {}, [IMAGE]),
]  # fmt: skip


def label(case):
    name, args, options, inputs = case
    given = [repr(a) for a in args]
    named = {k: "tensor" if isinstance(v, Fixed) else getattr(v, "__name__", v)
             for k, v in options.items()}  # fmt: skip
    given += [f"{k}={v!r}" for k, v in named.items()]
    shapes = " ".join(str(getattr(x, "value", x).shape) for x in inputs)
    return f"{name}({', '.join(given)}) {shapes}"


def make(xp, case, dtype="float64"):
    """The module of library ``xp`` with parameters from a formula."""
    name, args, options, _ = case
    options = {k: xp.tensor(v.value).to(getattr(xp, dtype)) if isinstance(v, Fixed) else v
               for k, v in options.items()}  # fmt: skip
    module = getattr(xp.nn, name)(*args, **options).to(getattr(xp, dtype))
    with xp.no_grad():
        for k, parameter in enumerate(module.parameters()):
            start = 0.5 * waves(tuple(parameter.shape), k + 1) + 0.1
            parameter.copy_(xp.tensor(start).to(parameter.dtype))
    return module


def flat(output):
    if isinstance(output, (tuple, list)):
        return [t for part in output for t in flat(part)]
    return [] if output is None else [output]


def run(xp, module, case, dtype="float64"):
    """Outputs in training and evaluation, gradients of inputs and parameters, and the buffers."""
    results = {}
    for mode in ("train", "eval"):
        module.train(mode == "train")
        inputs = []
        for x in case[3]:
            if isinstance(x, Fixed):
                value = xp.tensor(x.value)
                inputs.append(value.to(getattr(xp, dtype)) if value.is_floating_point() else value)
            else:
                inputs.append(xp.tensor(x).to(getattr(xp, dtype)).requires_grad_())
        module.zero_grad()
        inplace = getattr(module, "inplace", False)
        given = [x.clone() for x in inputs] if inplace else list(inputs)
        if case[0] == "CTCLoss":  # PyTorch's derivative of it is that of the logits
            given[0] = given[0].log_softmax(2)
        outputs = flat(module(*given))
        loss = 0.0
        for i, out in enumerate(outputs):
            results[f"{mode} output {i}"] = out.detach().numpy().copy()
            if out.is_floating_point():
                weights = xp.tensor(waves(tuple(out.shape), 9 + i)).to(out.dtype)
                loss = loss + (out * weights).sum()
        if loss.requires_grad:
            loss.backward()
        for i, x in enumerate(inputs):
            if x.grad is not None:
                results[f"{mode} gradient of input {i}"] = x.grad.numpy().copy()
        for name, p in module.named_parameters():
            if p.grad is not None:
                results[f"{mode} gradient of {name}"] = p.grad.numpy().copy()
    for name, buffer in module.named_buffers():
        results[f"buffer {name}"] = buffer.numpy().copy()
    return results


def digest(array):
    """Shape and three numbers that any wrong entry changes."""
    values = np.asarray(array, dtype=np.float64).reshape(-1)
    i = np.arange(values.size)
    finite = np.where(np.isfinite(values), values, 77.0)
    return [list(np.shape(array)), *(float(f"{finite @ w:.9g}")
            for w in (np.ones(values.size), np.sin(i + 1.0), np.cos(2.3 * i)))]  # fmt: skip


def write():
    import torch

    values = {"origin": f"PyTorch {torch.__version__.split('+')[0]}, CPU, float64"}
    for case in CASES:
        module = make(torch, case)
        state = {k: list(v.shape) for k, v in module.state_dict().items()}
        results = {k: digest(v) for k, v in run(torch, module, case).items()}
        values[label(case)] = {"repr": repr(module), "state": state, "results": results}
    assert len(values) == len(CASES) + 1, "two cases have one label"
    lines = [f"{json.dumps(k)}: {json.dumps(v)}" for k, v in values.items()]
    VALUES.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    write()
