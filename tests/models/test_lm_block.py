"""A frozen language-model block as a layer: it never changes, order does not matter, the shipped block is whole."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from openitr.errors import ModelError
from openitr.models import (
    FrozenLMLayer,
    ViTThroughLM,
    WithoutOrder,
    WordBlock,
    focus_iou,
    shipped_block,
    token_focus,
)


@pytest.fixture(scope="module")
def decoder() -> torch.nn.Module:
    """A layer of LLaMA's kind, with random weights: causal, with rotary positions."""
    from transformers import LlamaConfig
    from transformers.models.llama.modeling_llama import LlamaDecoderLayer

    torch.manual_seed(0)
    config = LlamaConfig(hidden_size=16, intermediate_size=32, num_attention_heads=2, num_key_value_heads=2)
    config._attn_implementation = "sdpa"
    return LlamaDecoderLayer(config, 0).eval()


def turning(positions: int, head: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Cosines and sines of rotary positions."""
    angles = torch.arange(positions)[:, None] / 100 ** (torch.arange(0, head, 2) / head)[None]
    both = torch.cat([angles, angles], 1)[None]
    return both.cos(), both.sin()


def test_a_decoder_block_is_equivariant_only_without_mask_and_positions(decoder: torch.nn.Module) -> None:
    torch.manual_seed(1)
    states, order = torch.randn(2, 6, 16), torch.tensor([3, 0, 5, 1, 4, 2])

    def as_published(x: torch.Tensor) -> torch.Tensor:
        found = decoder(x, attention_mask=None, position_embeddings=turning(6, 8))
        return found[0] if isinstance(found, tuple) else found

    with torch.no_grad():
        assert not torch.allclose(as_published(states)[:, order], as_published(states[:, order]), atol=1e-3)
        freed = WithoutOrder(decoder, 8)
        assert torch.allclose(freed(states)[:, order], freed(states[:, order]), atol=1e-5)
        layer = FrozenLMLayer(freed, 4, 16)
        seen = torch.randn(2, 6, 4)
        assert torch.allclose(layer(seen)[:, order], layer(seen[:, order]), atol=1e-5)
        # The mask alone, or the positions alone, already break it.
        identity = torch.ones(2, 6, 8), torch.zeros(2, 6, 8)
        masked = decoder(states, attention_mask=None, position_embeddings=identity)
        assert not torch.allclose(masked, freed(states), atol=1e-3)


def test_the_block_never_changes_and_the_maps_learn() -> None:
    torch.manual_seed(0)
    block = WordBlock(16, 2, 32)
    tower = ViTThroughLM(FrozenLMLayer(block, 8, 16), 16, patch=8, width=8, depth=1, heads=2)
    before = {name: value.clone() for name, value in tower.state_dict().items()}
    optimizer = torch.optim.AdamW([p for p in tower.parameters() if p.requires_grad], 0.01, weight_decay=0.1)
    tower.train()
    assert not tower.layer.block.training
    tower(torch.randn(2, 3, 16, 16)).pooled.square().sum().backward()
    optimizer.step()
    for name, value in tower.state_dict().items():
        assert torch.equal(value, before[name]) == name.startswith("layer.block."), name
    assert all(p.grad is None for p in tower.layer.block.parameters())
    assert all(p.requires_grad for p in block.parameters()), "the block that was given is copied"


def test_nothing_goes_around_the_layer() -> None:
    """With the second map at zero, nothing of the states is left."""
    layer = FrozenLMLayer(WordBlock(16, 2, 32), 8, 16)
    with torch.no_grad():
        layer.out.weight.zero_()
        assert layer(torch.randn(2, 3, 8)).abs().max() == 0


def test_the_shipped_block_computes_what_the_shipped_tower_computes() -> None:
    """The last block turns the states before it into the tower's own output, for a text without padding."""
    import onnx
    import onnxruntime
    from onnx import helper

    from openitr.encoders import WEIGHTS

    model = onnx.load(str(WEIGHTS / "towers" / "text.onnx"))
    before = "/layers.4/norm2/LayerNormalization_output_0"
    model.graph.output.append(helper.make_tensor_value_info(before, onnx.TensorProto.FLOAT, None))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    ids = np.array([[101, 1037, 2417, 3899, 102]], np.int64)
    states, tokens = session.run([before, "tokens"], {"input_ids": ids, "attention_mask": np.ones_like(ids)})
    with torch.no_grad():
        found = shipped_block()(torch.from_numpy(states))
    # Sums in another order, over 1536 products.
    np.testing.assert_allclose(found.numpy(), tokens, atol=2e-4)


def test_a_block_that_is_not_there_is_named() -> None:
    with pytest.raises(ModelError, match="no block 6"):
        shipped_block(6)


def test_focus_is_a_distance_and_overlap_counts_tokens() -> None:
    torch.manual_seed(0)
    tokens = torch.randn(3, 5, 4)
    got = token_focus(tokens)
    for i in range(3):
        mean = [sum(float(tokens[i, p, c]) for p in range(5)) / 5 for c in range(4)]
        for p in range(5):
            far = sum((float(tokens[i, p, c]) - mean[c]) ** 2 for c in range(4)) ** 0.5
            assert got[i, p].item() == pytest.approx(far, abs=1e-5)
    thing = torch.tensor([[True, True, False, False, False]])
    assert focus_iou(torch.tensor([[0.0, 5.0, 4.0, 1.0, 1.0]]), thing).item() == pytest.approx(1 / 3)
    assert focus_iou(torch.tensor([[0.0, 0.0, 4.0, 5.0, 1.0]]), thing).item() == 0
