"""Mix Transformers with SegFormer's head in PyTorch, written plainly, beside the peer's losses.

peer_backbones.py PEER step SIZE CROP BATCH STEPS
peer_backbones.py PEER inference SIZE HEIGHT WIDTH ROUNDS
"""
import importlib.util
import json
import os
import sys
import time

import torch
from torch import nn
from torch.nn import functional

SIZES = {
    "b0": ([32, 64, 160, 256], [2, 2, 2, 2], 256),
    "b1": ([64, 128, 320, 512], [2, 2, 2, 2], 256),
    "b2": ([64, 128, 320, 512], [3, 4, 6, 3], 768),
}
HEADS, REDUCTIONS = [1, 2, 5, 8], [8, 4, 2, 1]


def as_map(tokens, sides):
    return tokens.transpose(1, 2).reshape(tokens.shape[0], -1, *sides)


def as_tokens(maps):
    return maps.flatten(2).transpose(1, 2)


class Attention(nn.Module):
    def __init__(self, width, heads, reduction):
        super().__init__()
        self.heads = heads
        self.q, self.kv, self.proj = nn.Linear(width, width), nn.Linear(width, 2 * width), nn.Linear(width, width)
        self.sr = nn.Conv2d(width, width, reduction, reduction) if reduction > 1 else None
        self.norm = nn.LayerNorm(width) if reduction > 1 else None

    def forward(self, x, sides):
        n, pixels, width = x.shape
        other = x if self.sr is None else self.norm(as_tokens(self.sr(as_map(x, sides))))
        split = lambda y: y.reshape(n, y.shape[1], self.heads, width // self.heads).transpose(1, 2)
        query = split(self.q(x))
        key, value = (split(y) for y in self.kv(other).chunk(2, -1))
        if hasattr(functional, "scaled_dot_product_attention"):
            y = functional.scaled_dot_product_attention(query, key, value)
        else:
            y = (query @ key.transpose(-2, -1) * (width // self.heads) ** -0.5).softmax(-1) @ value
        return self.proj(y.transpose(1, 2).reshape(n, pixels, width))


class Block(nn.Module):
    def __init__(self, width, heads, reduction, drop):
        super().__init__()
        self.drop = drop
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
        self.attention = Attention(width, heads, reduction)
        self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.depthwise = nn.Conv2d(4 * width, 4 * width, 3, 1, 1, groups=4 * width)

    def path(self, x):
        if not self.training or self.drop == 0:
            return x
        kept = torch.rand(x.shape[0], 1, 1) >= self.drop
        return x * kept / (1 - self.drop)

    def forward(self, x, sides):
        x = x + self.path(self.attention(self.norm1(x), sides))
        wide = as_tokens(self.depthwise(as_map(self.fc1(self.norm2(x)), sides)))
        return x + self.path(self.fc2(functional.gelu(wide)))


class MitSegformer(nn.Module):
    """MiT with SegFormer's head; returns the fused features and the logits, at stride 4."""

    def __init__(self, size, classes):
        super().__init__()
        dims, blocks, width = SIZES[size]
        total, before, stages = sum(blocks), 0, []
        for k, (channels, count) in enumerate(zip(dims, blocks)):
            kernel, stride = (7, 4) if k == 0 else (3, 2)
            stages.append(nn.ModuleDict({
                "embed": nn.Conv2d(3 if k == 0 else dims[k - 1], channels, kernel, stride, kernel // 2),
                "embed_norm": nn.LayerNorm(channels),
                "blocks": nn.ModuleList([
                    Block(channels, HEADS[k], REDUCTIONS[k], 0.1 * (before + j) / (total - 1)) for j in range(count)
                ]),
                "norm": nn.LayerNorm(channels, eps=1e-6),
            }))
            before += count
        self.stages = nn.ModuleList(stages)
        self.linears = nn.ModuleList([nn.Linear(channels, width) for channels in dims])
        self.fuse, self.fuse_norm = nn.Conv2d(4 * width, width, 1, bias=False), nn.BatchNorm2d(width)
        self.dropout, self.classifier = nn.Dropout2d(0.1), nn.Conv2d(width, classes, 1)

    def forward(self, x):
        maps = []
        for stage in self.stages:
            x = stage["embed"](x)
            sides, tokens = x.shape[2:], stage["embed_norm"](as_tokens(x))
            for block in stage["blocks"]:
                tokens = block(tokens, sides)
            x = as_map(stage["norm"](tokens), sides)
            maps.append(x)
        sides = maps[0].shape[2:]
        wide = [as_map(linear(as_tokens(y)), y.shape[2:]) for linear, y in zip(self.linears, maps)]
        wide = [functional.interpolate(y, size=sides, mode="bilinear", align_corners=False) for y in reversed(wide)]
        fused = functional.relu(self.fuse_norm(self.fuse(torch.cat(wide, 1))))
        return fused, self.classifier(self.dropout(fused))


def median(values):
    return sorted(values)[len(values) // 2]


def step(peer, size, crop, batch, steps):
    net = MitSegformer(size, 19)
    net.train()
    optimizer = torch.optim.AdamW(net.parameters(), lr=6e-4, weight_decay=0.01)
    images = [torch.randn(batch, 3, crop, crop) for _ in range(2)]
    labels = torch.randint(0, 19, (batch, crop, crop))
    times = []
    for _ in range(steps + 1):
        started = time.time()
        target_features, target_logits = net(images[1])
        features, logits = net(images[0])
        total, _ = peer.objective("plca", features, logits, target_features, target_logits, labels)
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        times.append(time.time() - started)
    return median(times[1:])


def inference(_, size, height, width, rounds):
    net = MitSegformer(size, 19)
    net.eval()
    image, times = torch.randn(1, 3, height, width), []
    with torch.no_grad():
        for _ in range(rounds + 1):
            started = time.time()
            logits = net(image)[1]
            functional.interpolate(logits, size=(height, width), mode="bilinear", align_corners=False).argmax(1)
            times.append(time.time() - started)
    return median(times[1:])


if __name__ == "__main__":
    spec = importlib.util.spec_from_file_location("peer", sys.argv[1])
    peer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(peer)
    torch.manual_seed(0)
    torch.set_num_threads(os.cpu_count())
    work = {"step": step, "inference": inference}[sys.argv[2]]
    base = peer.rss()
    seconds = work(peer, sys.argv[3], *map(int, sys.argv[4:]))
    print(json.dumps({"seconds": seconds, "extra_memory_gb": peer.rss() - base, "peak_rss_gb": peer.rss()}))
