"""A decoder tuned to compare: gradients of parts are those of the whole, and the base stays."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from openitr.models.interleaved import Interleaved, Rows
from openitr.objectives import Batch, InfoNCE
from openitr.systems import vladva
from openitr.train import Plan
from openitr.train.discriminative import Discriminative, gradients, tune


def base(seed: int = 0) -> Interleaved:
    torch.manual_seed(seed)
    return Interleaved(12, 3, length=16, width=16, depth=1, heads=2).eval()


def data(n: int = 12) -> tuple[torch.Tensor, torch.Tensor]:
    made = torch.Generator().manual_seed(1)
    ids = torch.randint(5, 12, (n, 4), generator=made)
    ids[::2, 3], ids[1::2, 2], ids[1::2, 3] = 3, 3, 0
    return torch.randn(n, 2, 3, generator=made), ids


def moved(model: Discriminative) -> Discriminative:
    """Additions that do something: a fresh up is 0 and hides the gradient of down."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith(".up"):
                parameter.normal_(generator=torch.Generator().manual_seed(2), std=0.1)
    return model


def grads(micro: int) -> dict[str, torch.Tensor]:
    torch.manual_seed(3)
    model, contrast = moved(Discriminative(base(), rank=2, soft=2)), InfoNCE()
    patches, ids = data()
    gradients(model, contrast, patches, ids, ids, 0.7, micro)
    named = [*model.named_parameters(), *contrast.named_parameters()]
    return {name: p.grad.clone() for name, p in named if p.grad is not None}


def test_parts_give_the_gradients_of_the_whole() -> None:
    """Sums of three parts instead of one: float32 rounds differently, by less than 1e-5."""
    whole, parts = grads(0), grads(5)
    assert set(whole) == set(parts) and any(name.endswith(".down") for name in whole)
    for name, value in whole.items():
        assert torch.allclose(value, parts[name], atol=1e-5), name
    torch.manual_seed(3)
    model, contrast = moved(Discriminative(base(), rank=2, soft=2)), InfoNCE()
    patches, ids = data()
    loss = contrast(Batch(model.encode_images(patches), model.encode_texts(ids))) + 0.7 * model.writing(patches, ids)
    loss.backward()
    for name, parameter in model.named_parameters():
        if parameter.grad is not None:
            assert torch.allclose(parameter.grad, whole[name], atol=1e-5), name


def test_without_prompts_it_is_the_decoder_as_it_was() -> None:
    decoder = base()
    model = Discriminative(decoder, rank=2, soft=0)
    _, ids = data()
    vectors, logits = decoder(Rows(ids, torch.zeros(*ids.shape, 3)))
    assert torch.equal(model.encode_texts(ids), vectors)
    # Writing after a picture, word by word, with the plain decoder.
    patches, _ = data()
    seen = torch.cat([torch.tensor([[4, 4, 3]]).expand(len(ids), -1), ids], 1)
    pictures = F.pad(patches, (0, 0, 0, 1 + ids.shape[1]))
    logits = decoder(Rows(seen, pictures))[1][:, 2:-1]
    expected = F.cross_entropy(logits[ids != 0], ids[ids != 0])
    assert model.writing(patches, ids).item() == pytest.approx(expected.item(), rel=1e-5)


def test_only_prompts_and_additions_move() -> None:
    decoder = base()
    before = {name: value.clone() for name, value in decoder.state_dict().items()}
    model = Discriminative(decoder, rank=2, soft=2)
    patches, ids = data()
    history = tune(model, patches, ids, ids, Plan(epochs=15, batch=12, rate=1e-2))
    assert history[-1][0] < history[0][0] and history[-1][1] < history[0][1]
    assert all(torch.equal(value, before[name]) for name, value in decoder.state_dict().items())
    frozen = {n: v for n, v in model.base.state_dict().items() if not n.endswith((".up", ".down"))}
    assert all(torch.equal(value, before[name.replace(".base.", ".")]) for name, value in frozen.items())


def test_the_cards_measures() -> None:
    digits = torch.arange(256.0).reshape(2, 128)
    cut = vladva.patches(digits)
    assert cut.shape == (2, 8, 16)
    for row, patch in enumerate(cut[0]):  # two rows of four patches: two of the left digit, then two of the right
        down, across = 4 * (row // 4), 4 * (row % 4)
        corner = 64 * (across // 8) + 8 * down + across % 8
        assert patch.tolist() == [corner + 8 * y + x for y in range(4) for x in range(4)]

    class Told(torch.nn.Module):
        encode_images = staticmethod(lambda x: x)
        encode_texts = staticmethod(lambda x: x.float())

    v = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 0.0]])
    right = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.5, 0.5], [1.0, 0.0]])
    assert vladva.in_order(Told(), v, right, right.flip(1)) == 100 * (1 + 0 + 0.5 + 1) / 4
    every = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    assert vladva.named(Told(), v, every[[0, 1, 1, 0]], every) == 75.0


def test_without_micro_the_gradients_are_those_of_one_part() -> None:
    patches, ids = data()
    found = []
    for micro in (0, len(patches)):
        torch.manual_seed(0)
        model = Discriminative(base(), rank=2, soft=2)
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if name.endswith(".up"):  # at zero the additions below would get no gradient
                    parameter.normal_(std=0.1)
        torch.manual_seed(0)
        gradients(model, InfoNCE(), patches, ids, ids, 1.0, micro)
        found.append([p.grad for p in model.parameters() if p.requires_grad])
    assert all(torch.allclose(one, other, atol=1e-6) for one, other in zip(*found, strict=True))


@pytest.mark.slow
def test_the_card_of_vladva_runs() -> None:
    from openitr.systems import Budget

    vladva.experiment(Budget(300))
