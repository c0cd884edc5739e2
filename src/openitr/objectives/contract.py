"""What every objective must do, ours or yours: one battery, run by :func:`check`.

    finite_differences   the gradient is that of the number, in float64, with constants held still
    order                the order of pictures and texts does not matter
    one_pair             a batch of one pair gives a finite number and finite gradients
    duplicates           the same pair twice, and all vectors equal: finite
    missing_texts        pictures with several texts, one or none: finite, or refused by name
    half_precision       bfloat16 and autocast give the float32 number of the same (rounded) vectors
    no_leaks             nothing flows into what is a constant (the slow model, another matcher's scores)
    pure                 the loss changes nothing; two calls agree

Stop-gradients must go through :func:`openitr.objectives.constant`, so that they can be held still.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from openitr.errors import ShapeError
from openitr.objectives.base import Objective
from openitr.objectives.batch import Batch
from openitr.objectives.constant import held

DIM, TOKENS, WORDS, VOCABULARY, LABELS, PAIRS = 6, 4, 5, 9, 3, 5
_EMBEDDINGS = (
    "images",
    "texts",
    "image_tokens",
    "text_tokens",
    "images_again",
    "texts_again",
    "logits",
    "match",
    "apart",
    "word_logits",
    "rebuilt",
)
_OF_NO_PICTURE = {"match", "matched", "apart", "word_logits", "word_ids", "rebuilt", "pixels"}


def draw(pictures: int = 4, texts: tuple[int, ...] | None = None, seed: int = 0) -> Batch:
    """A batch with everything in it, float64.

    Args:
        pictures: B.
        texts: How many texts each picture has; one each when None.
        seed: Of the draw.

    >>> draw(3, (2, 0, 1)).owner.tolist()
    [0, 0, 2]
    """
    made = torch.Generator().manual_seed(seed)

    def unit(*shape: int) -> Tensor:
        return F.normalize(torch.randn(*shape, generator=made, dtype=torch.float64), dim=-1)

    counts = torch.tensor(texts or (1,) * pictures)
    owner = torch.arange(pictures).repeat_interleave(counts)
    many = len(owner)
    words = torch.randint(2, WORDS + 1, (many,), generator=made)
    patches = torch.randint(2, TOKENS + 1, (pictures,), generator=made)
    text_mask = torch.arange(WORDS)[None] < words[:, None]
    ids = torch.randint(1, VOCABULARY, (many, WORDS), generator=made) * text_mask
    slow = Batch(
        unit(pictures, DIM),
        unit(many, DIM),
        owner,
        image_tokens=unit(pictures, TOKENS, DIM),
        image_mask=torch.arange(TOKENS)[None] < patches[:, None],
        text_tokens=unit(many, WORDS, DIM),
        text_mask=text_mask,
    )
    whole = Batch(
        unit(pictures, DIM),
        unit(many, DIM),
        owner,
        labels=torch.randint(0, LABELS, (pictures,), generator=made),
        trust=torch.rand(pictures, generator=made, dtype=torch.float64),
        image_tokens=unit(pictures, TOKENS, DIM),
        image_mask=slow.image_mask,
        text_tokens=unit(many, WORDS, DIM),
        text_mask=text_mask,
        images_again=unit(pictures, DIM),
        texts_again=unit(many, DIM),
        slow=slow,
        ids=ids,
        logits=torch.randn(many, WORDS, VOCABULARY, generator=made, dtype=torch.float64),
        plain=torch.randn(pictures, many, generator=made, dtype=torch.float64),
    )

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=made, dtype=torch.float64)

    return replace(
        whole,
        slow=replace(slow, word_logits=normal(PAIRS, VOCABULARY)),
        match=normal(PAIRS),
        matched=torch.arange(PAIRS) < 2,
        apart=normal(PAIRS).abs(),
        word_logits=normal(PAIRS, VOCABULARY),
        word_ids=torch.randint(1, VOCABULARY, (PAIRS,), generator=made),
        rebuilt=normal(PAIRS, DIM),
        pixels=normal(PAIRS, DIM),
    )


def build(kind: type[Objective]) -> Objective:
    """An objective with its defaults, its widths set to those of :func:`draw`.

    Raises:
        TypeError: It has another required argument; give the battery an instance then.
    """
    sizes = {"dim": DIM, "classes": LABELS}
    wanted = inspect.signature(kind).parameters
    torch.manual_seed(0)
    given: dict[str, Any] = {name: size for name, size in sizes.items() if name in wanted}
    return kind(**given)


def check(objective: Objective, oracle: Callable[[Objective, Batch], float] | None = None) -> None:
    """Run the whole battery.

    Args:
        objective: The one to check; it is copied, never changed.
        oracle: The same loss in plain loops, (objective, batch) to a number; compared on three batches in float64.

    Raises:
        AssertionError: Says which promise is broken, with the numbers.

    >>> from openitr.objectives import InfoNCE
    >>> check(InfoNCE())
    """
    for promise in PROMISES:
        promise(objective)
    if oracle is not None:
        equals(objective, oracle)


def equals(objective: Objective, oracle: Callable[[Objective, Batch], float]) -> None:
    """The loss is that of the oracle, on batches of several sizes; parameters begin as float32, hence the 1e-6."""
    objective = deepcopy(objective).double()
    several = [] if _square(objective) else [draw(3, (2, 1, 3), seed=3)]
    for batch in (draw(4, seed=1), draw(2, seed=2), *several):
        with torch.no_grad():
            got, expected = float(objective(batch)), oracle(objective, batch)
        assert abs(got - expected) <= 1e-6 * max(1, abs(expected)), f"the loss is {got}, the oracle says {expected}"


def finite_differences(objective: Objective) -> None:
    """``torch.autograd.gradcheck`` over every embedding the loss reads and every parameter."""
    objective, batch = deepcopy(objective).double(), draw(4, seed=5)
    names = [n for n in _EMBEDDINGS if getattr(batch, n) is not None]
    parameters = [p for p in objective.parameters() if p.requires_grad]
    free = [getattr(batch, n).clone().requires_grad_() for n in names]
    with held() as kept:

        def loss(*values: Tensor) -> Tensor:
            kept.again()
            return objective(_with(batch, dict(zip(names, values[: len(names)], strict=True))))

        loss(*free)
        grads = torch.autograd.grad(loss(*free), [*free, *parameters], allow_unused=True)
        for position, name in enumerate(names):
            if grads[position] is None:
                continue

            def of_one(x: Tensor, at: int = position) -> Tensor:
                return loss(*free[:at], x, *free[at + 1 :])

            assert torch.autograd.gradcheck(of_one, (free[position],), eps=1e-6, atol=1e-6), name
        _check_parameters(loss, free, parameters)


def _check_parameters(loss: Callable[..., Tensor], free: list[Tensor], parameters: list[Tensor]) -> None:
    """Central differences of each parameter, moved in place."""
    grads = torch.autograd.grad(loss(*free), parameters, allow_unused=True) if parameters else ()
    for parameter, grad in zip(parameters, grads, strict=True):
        flat = parameter.data.view(-1)
        for at in range(min(len(flat), 12)):
            before, step = float(flat[at]), 1e-6
            flat[at] = before + step
            above = float(loss(*free).detach())
            flat[at] = before - step
            below = float(loss(*free).detach())
            flat[at] = before
            slope, claimed = (above - below) / (2 * step), 0.0 if grad is None else float(grad.reshape(-1)[at])
            assert abs(slope - claimed) < 1e-5 * max(1, abs(slope)), f"a parameter's slope is {slope}, not {claimed}"


def order(objective: Objective) -> None:
    """Pictures and texts in another order, owners renamed: the same loss."""
    objective = deepcopy(objective).double()
    for texts in (None,) if _square(objective) else (None, (2, 1, 1, 3)):
        batch = draw(4, texts, seed=7)
        pictures = torch.tensor([2, 0, 3, 1])
        rank = pictures.argsort()
        if texts is None:
            rows = pictures
        else:
            rows = torch.randperm(len(batch.texts), generator=torch.Generator().manual_seed(0))
        moved = _shuffled(batch, pictures, rows, rank)
        with torch.no_grad():
            one, other = float(deepcopy(objective)(batch)), float(deepcopy(objective)(moved))
        assert abs(one - other) < 1e-10 * max(1, abs(one)), f"the order changes the loss from {one} to {other}"


def one_pair(objective: Objective) -> None:
    """A single pair has no negatives; the loss and its gradients stay finite."""
    _finite(objective, draw(1, seed=9), "one pair, which has no negatives")


def duplicates(objective: Objective) -> None:
    """The same pair twice, and every vector the same."""
    batch = draw(4, seed=11)
    twice = torch.tensor([0, 1, 1, 2])
    _finite(objective, _shuffled(batch, twice, twice, torch.arange(4), owner=torch.arange(4)), "a pair twice")
    same = batch.map(lambda x: x[:1].expand_as(x).contiguous() if x.is_floating_point() else x)
    _finite(objective, same, "all vectors equal")


def missing_texts(objective: Objective) -> None:
    """Several texts, one, none. An objective for one text per picture refuses with ShapeError instead."""
    batch = draw(4, (2, 0, 1, 3), seed=13)
    if _square(objective):
        try:
            deepcopy(objective).double()(batch)
        except ShapeError:
            return
        raise AssertionError("an objective for one text per picture must refuse others with ShapeError")
    _finite(objective, batch, "missing texts")


def half_precision(objective: Objective) -> None:
    """bfloat16 vectors are widened before anything is summed, inside and outside of autocast."""
    objective = deepcopy(objective).float()
    half = draw(4, seed=15).map(lambda x: x.to(torch.bfloat16) if x.is_floating_point() else x)
    with torch.no_grad():
        full = float(deepcopy(objective)(half.float()))
        plain = float(deepcopy(objective)(half))
        with torch.autocast("cpu", torch.bfloat16):
            inside = float(deepcopy(objective)(half))
    assert plain == full, f"bfloat16 vectors give {plain}, widened {full}"
    assert inside == full, f"under autocast {inside}, without {full}"


def no_leaks(objective: Objective) -> None:
    """No gradient reaches the slow model, the other matcher's scores, or the trust in pairs."""
    objective, batch = deepcopy(objective).double(), draw(4, seed=17)
    assert batch.slow is not None and batch.plain is not None and batch.trust is not None
    assert batch.slow.word_logits is not None and batch.pixels is not None
    outside = [batch.slow.images, batch.slow.texts, batch.slow.word_logits, batch.pixels, batch.plain, batch.trust]
    for tensor in outside:
        tensor.requires_grad_()
    for name in _EMBEDDINGS:
        getattr(batch, name).requires_grad_()
    for grad in torch.autograd.grad(objective(batch), outside, allow_unused=True):
        assert grad is None or float(grad.abs().max()) == 0, "a gradient leaks into a constant"


def pure(objective: Objective) -> None:
    """Two calls give the same number and leave the objective as it was."""
    objective, batch = deepcopy(objective).double(), draw(4, seed=19)
    before = {name: value.clone() for name, value in objective.state_dict().items()}
    with torch.no_grad():
        one, other = float(objective(batch)), float(objective(batch))
    assert one == other, f"two calls give {one} and {other}"
    assert all(torch.equal(value, before[name]) for name, value in objective.state_dict().items()), "the loss remembers"


PROMISES = (finite_differences, order, one_pair, duplicates, missing_texts, half_precision, no_leaks, pure)


def _square(objective: Objective) -> bool:
    return objective.one_text


def _finite(objective: Objective, batch: Batch, case: str) -> None:
    objective = deepcopy(objective).double()
    free = [batch.images.requires_grad_(), batch.texts.requires_grad_()]
    loss = objective(batch)
    assert torch.isfinite(loss), f"{case}: the loss is {float(loss.detach())}"
    if loss.requires_grad:
        free += [parameter for parameter in objective.parameters() if parameter.requires_grad]
        for grad in torch.autograd.grad(loss, free, allow_unused=True):
            assert grad is None or torch.isfinite(grad).all(), f"{case}: a gradient is not finite"


def _with(batch: Batch, changed: dict[str, Tensor]) -> Batch:
    return Batch(**{**vars(batch), **changed})


def _shuffled(batch: Batch, pictures: Tensor, rows: Tensor, rank: Tensor, owner: Tensor | None = None) -> Batch:
    """Pictures and texts picked by row; ``rank`` says where each picture went."""
    by_text = {"texts", "text_tokens", "text_mask", "texts_again", "ids", "logits"}
    changed: dict[str, Tensor | Batch] = {}
    for name, value in vars(batch).items():
        if isinstance(value, Batch):
            changed[name] = _shuffled(value, pictures, rows, rank, owner)
        elif name == "owner":
            changed[name] = rank[value[rows]] if owner is None else owner
        elif name == "plain" and value is not None:
            changed[name] = value[pictures][:, rows]
        elif name in _OF_NO_PICTURE:
            changed[name] = None if value is None else value.flip(0)
        elif value is not None:
            changed[name] = value[rows if name in by_text else pictures].clone()
    return Batch(**changed)
