# mypy: disallow-subclassing-any=False
"""A frozen block of a language model as a layer of a visual encoder."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from openitr.errors import ModelError
from openitr.models.lock import lock
from openitr.models.tower import Encoded
from openitr.models.vit import ViT


class FrozenLMLayer(nn.Module):
    """``W2 . F(W1 . z)`` with F a frozen block and two linear maps that learn; nothing goes around it.

    Args:
        block: States (n, P, lm) to states; copied, and never changed or set to training.
        width: Of the encoder's states.
        lm: Of the block's states.

    References:
        Pang et al. 2023, "Frozen transformers in language models are effective visual encoder layers",
        arXiv:2310.12973, section 3.

    >>> layer = FrozenLMLayer(WordBlock(16, 2, 32), width=8, lm=16)
    >>> sorted(name for name, p in layer.named_parameters() if p.requires_grad)
    ['into.weight', 'out.weight']
    """

    def __init__(self, block: nn.Module, width: int, lm: int) -> None:
        super().__init__()
        self.into, self.out = nn.Linear(width, lm, bias=False), nn.Linear(lm, width, bias=False)
        self.block = lock(copy.deepcopy(block))

    def forward(self, states: Tensor) -> Tensor:
        """(n, P, width), both ways."""
        found: Tensor = self.out(self.block(self.into(states)))
        return found


class ViTThroughLM(ViT):
    """A vision transformer whose states pass through a frozen layer after its last block.

    Args:
        layer: States (n, P, width) to states.
        given: As of :class:`~openitr.models.ViT`.

    >>> tower = ViTThroughLM(FrozenLMLayer(WordBlock(16, 2, 32), 8, 16), 32, patch=8, width=8, depth=1, heads=2)
    >>> tower(torch.zeros(1, 3, 32, 32)).tokens.shape
    torch.Size([1, 16, 8])
    """

    def __init__(self, layer: nn.Module, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.layer = layer

    def end(self, states: Tensor) -> Encoded:
        return super().end(self.layer(states))


class WordBlock(nn.Module):
    """A block of BERT: attention and a two-layer net, each added and then normed (Devlin et al. 2019).

    Args:
        width, heads: Of the attention.
        inner: Width inside the net.
    """

    def __init__(self, width: int, heads: int, inner: int) -> None:
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v, self.o = (nn.Linear(width, width) for _ in range(4))
        self.up, self.down = nn.Linear(width, inner), nn.Linear(inner, width)
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-12), nn.LayerNorm(width, eps=1e-12)

    def forward(self, states: Tensor) -> Tensor:
        """(n, P, width), both ways; positions play no part."""
        query, key, value = (
            part(states).unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in (self.q, self.k, self.v)
        )
        mixed = F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
        states = self.norm1(states + self.o(mixed))
        found: Tensor = self.norm2(states + self.down(F.gelu(self.up(states))))
        return found


class WithoutOrder(nn.Module):
    """A decoder layer of ``transformers`` (LLaMA's family) without its causal mask and its rotary positions.

    Args:
        layer: Called as ``layer(states, attention_mask=, position_embeddings=)``.
        head: Width of one of its heads.
    """

    def __init__(self, layer: nn.Module, head: int) -> None:
        super().__init__()
        self.layer, self.head = layer, head

    def forward(self, states: Tensor) -> Tensor:
        """(n, P, lm), both ways."""
        n, many, _ = states.shape
        # A mask that is there and hides nothing: without one, a decoder would hide what comes after.
        open_mask = states.new_zeros(n, 1, many, many)
        turned = states.new_ones(n, many, self.head), states.new_zeros(n, many, self.head)
        found = self.layer(states, attention_mask=open_mask, position_embeddings=turned)
        return found[0] if isinstance(found, tuple) else found


def shipped_block(number: int = 5) -> WordBlock:
    """A pre-trained block of the shipped text tower (all-MiniLM-L6-v2, six blocks of width 384).

    Args:
        number: 0 to 5.

    Raises:
        ModelError: The tower has no such block.
    """
    import onnx
    from onnx import numpy_helper

    from openitr.encoders import WEIGHTS

    graph = onnx.load(str(WEIGHTS / "towers" / "text.onnx")).graph
    held = {tensor.name: tensor for tensor in graph.initializer}
    made = WordBlock(384, 12, 1536)
    state: dict[str, Tensor] = {}
    for part in ("q", "k", "v", "o", "up", "down"):
        weight = next((n.input[1] for n in graph.node if n.name.endswith(f"layers.{number}/{part}/MatMul")), None)
        if weight is None:
            raise ModelError(f"the shipped text tower has no block {number}", "use 0 to 5")
        # Matrices lie there as bytes with a scale for each column.
        bytes_, scales = (numpy_helper.to_array(held[f"{weight}.{kind}"]) for kind in "qs")
        state[f"{part}.weight"] = torch.from_numpy((bytes_.astype("float32") * scales).T.copy())
    for name in made.state_dict():
        if name not in state:
            found = numpy_helper.to_array(held[f"reader.layers.{number}.{name}"])
            state[name] = torch.from_numpy(found.astype("float32").copy())
    made.load_state_dict(state)
    return made


def token_focus(tokens: Tensor) -> Tensor:
    """How much each token stands out: its distance from the mean token, (n, P, d) to (n, P).

    >>> token_focus(torch.tensor([[[0.0], [0.0], [3.0]]])).tolist()
    [[1.0, 1.0, 2.0]]
    """
    return (tokens - tokens.mean(1, keepdim=True)).norm(dim=-1)


def focus_iou(focus: Tensor, thing: Tensor) -> Tensor:
    """Overlap of the tokens that stand out most with those that show the thing, (n,): intersection over union.

    As many tokens are taken as show the thing, so that no threshold has to be chosen (ours).

    Args:
        focus: (n, P).
        thing: (n, P) bool, with at least one true in each row.

    >>> focus_iou(torch.tensor([[3.0, 2.0, 1.0]]), torch.tensor([[True, False, False]])).tolist()
    [1.0]
    """
    places = focus.argsort(1, descending=True).argsort(1)
    chosen = places < thing.sum(1, keepdim=True)
    return (chosen & thing).sum(1) / (chosen | thing).sum(1)
