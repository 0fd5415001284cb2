"""The nets that scripts/bench compares on: torchvision's with random weights of a fixed seed, and a small one of our own."""
import torch
import torch.nn as nn
import torchvision


class SolderCNN(nn.Module):
    """3x64x64: three of (convolution 3x3, batch normalization, ReLU, 2x2 maximum), then two dense layers."""

    def __init__(self, classes=4):
        super().__init__()
        layers = []
        for narrow, wide in ((3, 16), (16, 32), (32, 64)):
            layers += [nn.Conv2d(narrow, wide, 3, padding=1, bias=False), nn.BatchNorm2d(wide), nn.ReLU(True),
                       nn.MaxPool2d(2)]
        self.features = nn.Sequential(*layers)
        self.answer = nn.Sequential(nn.Flatten(), nn.Linear(64 * 8 * 8, 64), nn.ReLU(True), nn.Linear(64, classes))

    def forward(self, x):
        return self.answer(self.features(x))


VISION = ("resnet18", "resnet50", "mobilenet_v2", "mobilenet_v3_small", "squeezenet1_1", "shufflenet_v2_x1_0",
          "efficientnet_b0")
SHAPE = dict({name: (3, 224, 224) for name in VISION}, solder_cnn=(3, 64, 64))
INT8 = ("resnet18", "resnet50", "mobilenet_v2", "squeezenet1_1")


def build(name):
    torch.manual_seed(0)
    return (SolderCNN() if name == "solder_cnn" else getattr(torchvision.models, name)(weights=None)).eval()


def settle(net, shape):
    """Statistics of batch normalization as random images give them, so that activations stay in range."""
    norms = [m for m in net.modules() if isinstance(m, nn.BatchNorm2d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the mean over all batches
    generator = torch.Generator().manual_seed(1)
    for norm in norms:
        norm.train()
    with torch.no_grad():
        for _ in range(2):
            net(torch.randn(4, *shape, generator=generator))
    return net.eval()
