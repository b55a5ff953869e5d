"""The PyTorch peer on a CUDA device: peer_gpu.py TORCH_PLCA.PY|- [--small]. Prints JSON, a line for each thing measured."""
import importlib.util
import json
import os
import sys
import time

import torch

REPEATS = 5

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def wait():
    if device.type == "cuda":
        torch.cuda.synchronize()


def measure(name, work, **more):
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    try:
        work()
        seconds = []
        for _ in range(REPEATS):
            wait()
            started = time.time()
            work()
            wait()
            seconds.append(time.time() - started)
        peak = torch.cuda.max_memory_allocated() / 1e6 if device.type == "cuda" else None
        print(json.dumps({"name": name, "seconds": seconds, "megabytes": peak, **more}), flush=True)
    except Exception as error:
        print(json.dumps({"name": name, "refused": str(error)[:1000], **more}), flush=True)


def product(side, dtype, tf32):
    torch.backends.cuda.matmul.allow_tf32 = tf32
    a, b = (torch.rand(side, side, device=device, dtype=dtype) for _ in range(2))
    measure(f"product {side}, {str(dtype)[6:]}{', TF32' if tf32 else ''}", lambda: a @ b, flops=2 * side**3)


def association(peer, side, channels, metric):
    x = [torch.randn(1, channels, side, side, device=device) for _ in range(2)]
    x = [v.relu() if metric == "cos" else v.softmax(1) for v in x]
    source, target = (v.requires_grad_() for v in x)
    labels = torch.randint(0, 19, (1, side, side), device=device)

    def work():
        source.grad = target.grad = None
        peer.association(source, target, labels, metric).backward()

    measure(f"association {metric} {side}x{side}x{channels}", work)


def step(peer, layers, width, crop, images, tf32):
    net = peer.DeepLabV2(19, layers, width).to(device)
    opt = torch.optim.SGD(net.parameters(), lr=2.5e-4, momentum=0.9, weight_decay=5e-4)
    training(peer, net, opt, f"layers {list(layers)}, width {width}", crop, images, tf32)


def mit_step(peer, size, crop, images):
    backbones = module("backbones", os.path.join(os.path.dirname(os.path.abspath(__file__)), "peer_backbones.py"))
    if hasattr(torch, "set_default_device"):
        torch.set_default_device(device)  # of what this network draws while it computes
    net = backbones.MitSegformer(size, 19)
    opt = torch.optim.AdamW(net.parameters(), lr=6e-4, weight_decay=0.01)
    training(peer, net, opt, f"MiT-{size.upper()}, SegFormer's head", crop, images, False)


def training(peer, net, opt, title, crop, images, tf32):
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32
    net.train()
    xs, xt = (torch.randn(images, 3, crop, crop, device=device) for _ in range(2))
    y = torch.randint(0, 19, (images, crop, crop), device=device)

    def work():
        ft, zt = net(xt)
        fs, zs = net(xs)
        total, _ = peer.objective("plca", fs, zs, ft, zt, y)
        opt.zero_grad()
        total.backward()
        opt.step()

    measure(f"step, {title}, crop {crop}, {images}+{images} images", work, tf32=tf32)


def module(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


script, small = sys.argv[1], "--small" in sys.argv
print(json.dumps({"torch": torch.__version__, "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu"}), flush=True)
torch.manual_seed(0)
side = 256 if small else 4096
product(side, torch.float32, False)
product(side, torch.float32, True)
product(side, torch.float16, False)
if script != "-":
    peer = module("peer", script)
    resnet101 = (3, 4, 23, 3)
    if small:
        step(peer, (1, 1, 1, 1), 0.25, 33, 1, False)
        association(peer, 16, 19, "kl")
        association(peer, 16, 64, "cos")
        mit_step(peer, "b0", 32, 1)
    else:
        step(peer, resnet101, 1, 321, 1, False)
        step(peer, resnet101, 1, 321, 1, True)
        association(peer, 46, 512, "cos")
        association(peer, 92, 19, "kl")
        association(peer, 92, 2048, "cos")
        for images in (1, 2, 4):
            step(peer, resnet101, 1, 129, images, False)
        step(peer, (1, 1, 1, 1), 0.5, 144, 2, False)
        step(peer, resnet101, 1, 730, 1, False)
        step(peer, resnet101, 1, 321, 2, False)
        step(peer, resnet101, 1, 321, 4, False)
        step(peer, resnet101, 1, 730, 2, False)
        step(peer, resnet101, 1, 730, 4, False)
        step(peer, resnet101, 1, 730, 4, True)
        mit_step(peer, "b0", 256, 2)
        mit_step(peer, "b2", 256, 1)
