"""Matrix products and convolutions in PyTorch. peer_operators.py product SIDE | convolution IMAGES SIDE INPUT OUTPUT DILATION"""
import json
import os
import statistics
import sys
import time

import torch

REPETITIONS = 5

torch.manual_seed(0)
torch.set_num_threads(os.cpu_count())
numbers = [int(text) for text in sys.argv[2:]]
if sys.argv[1] == "product":
    (side,) = numbers
    a, b = torch.randn(side, side), torch.randn(side, side)

    def work():
        a @ b
else:
    images, side, inputs, outputs, dilation = numbers
    x = torch.randn(images, inputs, side, side, requires_grad=True)
    w = torch.randn(outputs, inputs, 3, 3, requires_grad=True)
    dy = torch.randn(images, outputs, side, side)

    def work():
        y = torch.nn.functional.conv2d(x, w, padding=dilation, dilation=dilation)
        torch.autograd.grad(y, (x, w), dy)


seconds = []
for _ in range(REPETITIONS + 1):
    started = time.time()
    work()
    seconds.append(time.time() - started)
print(json.dumps({"seconds": statistics.median(seconds[1:])}))
