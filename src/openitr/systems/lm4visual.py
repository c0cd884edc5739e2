"""A frozen block of a language model after a picture tower: what it is worth beside a random one and none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openitr.systems.card import Budget, Card, Check, Outcome, numbers

if TYPE_CHECKING:
    from torch import Tensor, nn

    from openitr.models import DualEncoder
    from openitr.train import Examples

SIZE, PATCH, WIDTH, EPOCHS, SEEDS = 24, 8, 48, 8, 3
ARMS = "pre-trained block", "random block", "no block"


def experiment(budget: Budget) -> Outcome:
    """What stays frozen and what order does, exactly; then stamps with three blocks between the same two maps."""
    import numpy as np
    import torch
    from torch import nn

    from openitr.models import WordBlock, WordTokenizer, shipped_block
    from openitr.systems.stamps import stamps
    from openitr.train import Examples

    data = stamps(budget, SIZE)
    tokenizer = WordTokenizer.fit(data.names, length=16)
    pixels = torch.from_numpy(np.stack(list(data.pictures))).permute(0, 3, 1, 2).contiguous()
    examples = Examples(pixels, tokenizer.encode(data.names), np.arange(len(data)), None, "stamps")
    before, after = order(budget.seed)
    blocks: dict[str, nn.Module] = {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(budget.seed)
        blocks |= zip(ARMS, (shipped_block(), WordBlock(384, 12, 1536), nn.Identity()), strict=True)
    rows: dict[str, list[tuple[float, float]]] = {name: [] for name in ARMS}
    moved = {"block": 0.0, "maps": 0.0}
    for seed in range(budget.seed, budget.seed + SEEDS):
        for name in ARMS:
            recall, focus, changed = trained(examples, blocks[name], len(tokenizer), seed)
            rows[name].append((recall, focus))
            if name == ARMS[0]:
                moved = changed
    recalls, focuses = ({name: float(np.mean([r[at] for r in rows[name]])) for name in ARMS} for at in range(2))
    return Outcome(
        [
            Check(
                "training leaves the block as it was, bit for bit, and moves the two maps around it",
                {"change of the block": moved["block"], "change of the maps": float(f"{moved['maps']:.3g}")},
                moved["block"] == 0 and moved["maps"] > 0,
            ),
            Check(
                "a decoder block does not care for the order of patches once its causal mask is gone, and did before",
                {"difference, with mask": float(f"{before:.2g}"), "difference, without": float(f"{after:.2g}")},
                before > 1e-3 and after < 1e-5,
            ),
            Check(
                "a pre-trained block is not worse than a random one on text-to-image R@5",
                numbers("R@5", recalls, 2),
                recalls[ARMS[0]] >= recalls[ARMS[1]],
            ),
            Check(
                "tokens that stand out overlap more with the thing after a pre-trained block",
                numbers("overlap", focuses, 3),
                focuses[ARMS[0]] > max(focuses[name] for name in ARMS[1:]),
            ),
        ],
        f"Tux Paint: {len(data)} stamps of {SIZE} pixels, a quarter held out; towers from scratch with the last block "
        f"of all-MiniLM-L6-v2 or another, {EPOCHS} epochs, {SEEDS} seeds",
        [
            "All three train the same number of weights. The thing is what is neither white nor border in the picture.",
            "MiniLM's block never had a causal mask; rotary positions are tested on a layer of LLaMA's kind.",
        ],
    )


def order(seed: int) -> tuple[float, float]:
    """How much the order of tokens changes what a decoder block says of each, with its causal mask and without."""
    import torch

    from openitr.models import Block, FrozenLMLayer

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layer = FrozenLMLayer(Block(32, 4, causal=True), 16, 32)
        states, turned = torch.randn(4, 9, 16), torch.randperm(9)
    found = []
    with torch.inference_mode():
        for causal in (True, False):
            layer.block.attention.causal = causal
            found.append(float((layer(states)[:, turned] - layer(states[:, turned])).abs().max()))
    return found[0], found[1]


def trained(examples: Examples, block: nn.Module, vocab: int, seed: int) -> tuple[float, float, dict[str, float]]:
    """R@5 in percent, overlap of focus and thing, and how far the block and the maps around it moved."""
    import numpy as np
    import torch

    from openitr.models import DualEncoder, FrozenLMLayer, TextTransformer, ViTThroughLM
    from openitr.objectives import InfoNCE
    from openitr.train import Plan, Trainer
    from openitr.train.probe import recall

    rows = np.random.default_rng(seed).permutation(len(examples))
    held, train = examples.some(rows[: len(rows) // 4]), examples.some(rows[len(rows) // 4 :])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layer = FrozenLMLayer(block, WIDTH, 384)
        image = ViTThroughLM(layer, SIZE, patch=PATCH, width=WIDTH, depth=2)
        model = DualEncoder(image, TextTransformer(vocab, length=16, width=WIDTH, depth=1), WIDTH)
    first = {name: value.clone() for name, value in image.layer.state_dict().items()}
    Trainer(model, InfoNCE(), Plan(epochs=EPOCHS, batch=32, rate=2e-3, average=0.9, seed=seed), train).fit()
    changes = {name: float((value - first[name]).abs().max()) for name, value in image.layer.state_dict().items()}
    moved = {
        "block": max([change for name, change in changes.items() if name.startswith("block.")], default=0.0),
        "maps": min(change for name, change in changes.items() if not name.startswith("block.")),
    }
    return recall(model, held).t2i["R@5"], overlap(model, held), moved


def overlap(model: DualEncoder, held: Examples) -> float:
    """Mean intersection over union of the tokens that stand out with those that show the thing."""
    import numpy as np
    import torch

    from openitr.models import focus_iou, token_focus

    shown = things(held.pictures, PATCH)
    some = shown.any(1) & ~shown.all(1)
    with torch.inference_mode():
        tokens = model.image(held.images(np.arange(len(held)))).tokens
    return float(focus_iou(token_focus(tokens[some]), shown[some]).mean())


def things(pictures: Tensor, patch: int) -> Tensor:
    """Patches of which more than half is neither white nor grey border: (n, 3, s, s) uint8 to (n, P) bool."""
    import torch

    drawn = ((pictures < 240).any(1) & (pictures != 127).any(1)).float()[:, None]
    return torch.nn.functional.avg_pool2d(drawn, patch).flatten(1) > 0.5


CARD = Card(
    slug="lm4visual",
    title="Frozen transformers in language models are effective visual encoder layers",
    year=2023,
    family="encoders",
    claim="A frozen block of a language model between two linear maps makes a picture tower better.",
    parts=("openitr.models.FrozenLMLayer", "openitr.models.ViTThroughLM", "openitr.models.token_focus"),
    experiment=experiment,
)
