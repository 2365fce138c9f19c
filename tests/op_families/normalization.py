"""Normalisations."""
from __future__ import annotations

import numpy as np

from op_families.spec import FLOATS, Bad, Case, Sample, T

SCALE = T(4)


def moments(x, axes, eps, rms=False):
    mean = 0 if rms else x.mean(axes, keepdims=True)
    return (x - mean) / np.sqrt(((x - mean) ** 2).mean(axes, keepdims=True) + eps)


def scaled(y, weight, bias, shape=(-1,)):
    y = y if weight is None else y * weight.reshape(shape)
    return y if bias is None else y + bias.reshape(shape)


def layer_norm(x, shape, weight=None, bias=None, eps=1e-5):
    axes = tuple(range(-len(shape), 0))
    return scaled(moments(x, axes, eps), weight, bias, shape)


def rms_norm(x, shape, weight=None, eps=1e-5):
    return scaled(moments(x, tuple(range(-len(shape), 0)), eps, True), weight, None, shape)


def channels(x):
    return (1, -1, *(1,) * (x.ndim - 2))


def group_norm(x, groups, weight=None, bias=None, eps=1e-5):
    y = moments(x.reshape(x.shape[0], groups, -1), -1, eps).reshape(x.shape)
    return scaled(y, weight, bias, channels(x))


def instance_norm(x, mean=None, var=None, weight=None, bias=None, use=True, momentum=0.1,
                  eps=1e-5):
    if not use:
        return batch_norm(x, mean, var, weight, bias, False, momentum, eps)
    return scaled(moments(x, tuple(range(2, x.ndim)), eps), weight, bias, channels(x))


def batch_norm(x, mean, var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5):
    if training:
        y = moments(x, tuple(d for d in range(x.ndim) if d != 1), eps)
    else:
        y = (x - mean.reshape(channels(x))) / np.sqrt(var.reshape(channels(x)) + eps)
    return scaled(y, weight, bias, channels(x))


def local_response_norm(x, size, alpha=1e-4, beta=0.75, k=1.0):
    total = np.zeros_like(x)
    for c in range(x.shape[1]):
        low, high = max(c - size // 2, 0), min(c + (size - 1) // 2 + 1, x.shape[1])
        total[:, c] = (x[:, low:high] ** 2).sum(1)
    return x / (k + alpha * total / size) ** beta


MEAN, VAR = T(3, grad=False), T(3, domain="positive", grad=False)


def case(name, numpy, samples, **options):
    return Case("nn.functional." + name, numpy, samples, dtypes=FLOATS, method=False, tolerance=10,
                **options)


CASES = [
    case("layer_norm", layer_norm, [
        Sample(T(3, 4), (4,)), Sample(T(3, 4), (4,), SCALE, T(4)),
        Sample(T(2, 3, 4), (3, 4), T(3, 4), T(3, 4), 0.1), Sample(T(0, 4), (4,)),
        Sample(T(5, 70), (70,))],
        covers=("row_norm",),
        errors=[Bad((T(3, 4), (3,)), RuntimeError, r"normalized_shape=\[3\].*\[3, 4\]"),
                Bad((T(3, 4), (4,), T(3)), RuntimeError, "weight"),
                Bad((T(3, 4), ()), RuntimeError, "normalized_shape")]),
    case("rms_norm", rms_norm, [
        Sample(T(3, 4), (4,), eps=1e-5), Sample(T(3, 4), (4,), SCALE, 1e-5),
        Sample(T(2, 3, 4), (3, 4), T(3, 4), 0.1)],
        errors=[Bad((T(3, 4), (3,)), RuntimeError, "normalized_shape")]),
    case("group_norm", group_norm, [
        Sample(T(2, 4, 3), 2), Sample(T(2, 4, 3, 2), 2, T(4), T(4), 0.1), Sample(T(3, 4), 1)],
        errors=[Bad((T(2, 4, 3), 3), RuntimeError, "divisible by num_groups.*3"),
                Bad((T(2, 4, 3), 2, T(3)), RuntimeError, "weight")]),
    case("instance_norm", instance_norm, [
        Sample(T(2, 3, 4)), Sample(T(2, 3, 2, 2), None, None, T(3), T(3)),
        Sample(T(2, 3, 4), MEAN, VAR, use=False)][:2],
        errors=[Bad((T(2, 3, 1),), ValueError, "more than 1 spatial element")]),
    case("batch_norm", batch_norm, [
        Sample(T(4, 3), MEAN, VAR), Sample(T(4, 3, 2), MEAN, VAR, T(3), T(3)),
        Sample(T(4, 3), None, None, training=True),
        Sample(T(4, 3, 2, 2), None, None, T(3), T(3), True)],
        errors=[Bad((T(1, 3), None, None, None, None, True), ValueError, "more than 1 value"),
                Bad((T(4, 3), T(2), T(2)), RuntimeError, "running_mean should contain 3"),
                Bad((T(4, 3), None, None), RuntimeError, "running_mean", torch=False)]),
    case("local_response_norm", local_response_norm, [
        Sample(T(2, 4, 3), 2), Sample(T(2, 5, 2, 2), 3, 0.3, 0.5, 2.0)],
        errors=[Bad((T(2, 3), 2), ValueError, "3D or higher")]),
]

INTERNAL = {
    "row_norm_backward": "nn.functional.layer_norm",
    "row_norm_weight": "nn.functional.layer_norm",
}
ELSEWHERE = dict.fromkeys(["layer_norm", "rms_norm", "group_norm", "batch_norm", "instance_norm"],
                          "the function of nn.functional with other orders of arguments")
