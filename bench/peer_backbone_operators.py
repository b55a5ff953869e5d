"""Operators of a Mix Transformer in PyTorch; prints, for each work, the fewest milliseconds of the value and of value and gradients.

peer_backbone_operators.py WORKS_AS_JSON
"""
import json
import os
import sys
import time

import torch
from torch.nn import functional

REPETITIONS = 7
ENOUGH = 0.25

torch.manual_seed(0)
torch.set_num_threads(os.cpu_count())


def prepare(work):
    shape, operator = work["shape"], work["operator"]
    channels = shape[-1]
    outputs, kernel = work.get("outputs", channels), work.get("kernel", 1)
    stride, padding = work.get("stride", 1), work.get("padding", 0)
    if operator == "layer_norm":
        return [shape, [channels], [channels]], lambda x, w, b: functional.layer_norm(x, [channels], w, b, 1e-6)
    if operator == "gelu":
        return [shape], functional.gelu
    if operator == "linear":
        return [shape, [outputs, channels], [outputs]], functional.linear
    if operator == "depthwise":
        maps = [shape[0], channels, shape[1], shape[2]]
        filters = [channels, 1, kernel, kernel]
        return [maps, filters, [channels]], lambda x, w, b: functional.conv2d(x, w, b, stride, padding, 1, channels)
    if operator == "convolution":
        maps = [shape[0], channels, shape[1], shape[2]]
        filters = [outputs, channels, kernel, kernel]
        return [maps, filters], lambda x, w: functional.conv2d(x, w, None, stride, padding)
    heads, keys = work["heads"], work["keys"]
    other = [shape[0], keys, channels]

    def attention(q, k, v):
        split = lambda x: x.reshape(x.shape[0], x.shape[1], heads, channels // heads).transpose(1, 2)
        scores = split(q) @ split(k).transpose(-2, -1) * (channels // heads) ** -0.5
        y = scores.softmax(-1) @ split(v)
        return y.transpose(1, 2).reshape(q.shape)

    return [shape, other, other], attention


def milliseconds(work):
    times = []
    while len(times) <= REPETITIONS or sum(times) < ENOUGH:
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return 1000 * min(times[1:])


results = []
for work in json.loads(sys.argv[1]):
    shapes, f = prepare(work)
    xs = [torch.randn(shape, requires_grad=True) for shape in shapes]
    dy = torch.randn_like(f(*xs))

    def value():
        with torch.no_grad():
            f(*xs)

    results.append([milliseconds(value), milliseconds(lambda: torch.autograd.grad(f(*xs), xs, dy))])
print(json.dumps(results))
