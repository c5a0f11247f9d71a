"""The zoo's architectures: each is another way to spend its time, and each can be cut in other places.

All take float32 [N, 3, side, side], normalised as `MEAN` and `STD` say, and give logits [N, classes].
"""
from torch import nn

MEAN, STD = 127.5, 64.0


def conv(inputs, outputs, size=3, stride=1, groups=1, active=True):
    """Convolution, batch normalisation (folded into it on export) and ReLU."""
    layers = [
        nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]
    return nn.Sequential(*layers, nn.ReLU()) if active else nn.Sequential(*layers)


def classifier(features, classes):
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(1), nn.Linear(features, classes)]


class Separable(nn.Sequential):
    """A depthwise convolution that sees shapes, then a pointwise one that mixes channels (as in MobileNet)."""

    def __init__(self, inputs, outputs, stride=1):
        super().__init__(conv(inputs, inputs, stride=stride, groups=inputs), conv(inputs, outputs, size=1))


class Residual(nn.Module):
    """Two convolutions beside a short way around them (as in ResNet); graph cuts here cross two tensors."""

    def __init__(self, inputs, outputs, stride=1):
        super().__init__()
        self.long = nn.Sequential(conv(inputs, outputs, stride=stride), conv(outputs, outputs, active=False))
        same = inputs == outputs and stride == 1
        self.short = nn.Identity() if same else conv(inputs, outputs, size=1, stride=stride, active=False)
        self.active = nn.ReLU()

    def forward(self, x):
        return self.active(self.long(x) + self.short(x))


def nano(classes):
    return nn.Sequential(
        conv(3, 12, stride=2), conv(12, 24), nn.MaxPool2d(2), conv(24, 40), *classifier(40, classes),
    )


def small(classes):
    return nn.Sequential(
        conv(3, 16), nn.MaxPool2d(2), conv(16, 32), nn.MaxPool2d(2), conv(32, 64), nn.MaxPool2d(2), conv(64, 64),
        *classifier(64, classes),
    )


def medium(classes):
    return nn.Sequential(
        conv(3, 32, stride=2), Separable(32, 64), Separable(64, 88, 2), Separable(88, 88), Separable(88, 88),
        Separable(88, 128, 2), Separable(128, 128), *classifier(128, classes),
    )


def large(classes):
    return nn.Sequential(
        conv(3, 32, stride=2), Residual(32, 48, 2), Residual(48, 48), Residual(48, 80, 2), Residual(80, 80),
        Residual(80, 104, 2), *classifier(104, classes),
    )


# side: the model's input. schedule: (side, epochs) in turn; a picture costs less to learn from while it is small.
# variety: how strongly training pictures are varied; a model with little room learns better from less of it.
ARCHITECTURES = {
    'nano': dict(build=nano, side=32, schedule=[(32, 50)], rate=1e-2, variety=0.4),
    'small': dict(build=small, side=48, schedule=[(48, 16)], rate=6e-3, variety=0.6),
    'medium': dict(build=medium, side=64, schedule=[(48, 6), (64, 4)], rate=5e-3, variety=0.8),
    'large': dict(build=large, side=96, schedule=[(48, 10), (64, 8), (96, 4)], rate=3e-3, variety=0.8),
}
