"""What stands in the files of the projects that the command line is tried on."""

FILE = """
schema = 1
[model]
source = "net.py:make"
[data]
source = "data.npz"
sample = 30
[[audit]]
threat = "linf:2/255"
suite = "smoke"
"""
NET = """
from torch import nn
import torch
def make():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 4))
"""


DEMO = """
from torch import nn
from sparring.demo import nets

class Undo(nn.Module):
    def forward(self, inputs):
        return inputs * 0.3081 + 0.1307

def normalised():
    return nn.Sequential(Undo(), nets.plain())

def plain():
    return nets.plain()

def softmax():
    return nn.Sequential(nets.plain(), nn.Softmax(1))

def images():
    return nets.images(150)
"""
DEMO_FILE = """
schema = 1  # ours
[model]
source = "demo.py:plain"
[data]
source = "demo.py:images"
[[audit]]
threat = "linf:0.1"
suite = "smoke"
"""
