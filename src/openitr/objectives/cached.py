"""Large batches in little memory: gradients of the whole batch, activations of a small part at a time.

A contrastive loss couples all pairs of a batch, so it cannot be summed over parts as other losses can. But it reads
embeddings only: they are computed once without a graph, the loss gives its gradient with respect to them, and a
second pass over small parts carries that gradient into the towers. The result is exact; the price is one more
forward pass (GradCache, Gao et al. 2021, arXiv:2101.06983). M2-Encoder (2024, arXiv:2401.15896) adds groups: pairs
compete within their group alone, which divides the matrix of scores; how groups are formed is ours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from openitr.errors import InputError
from openitr.objectives.again import draw_from, draws
from openitr.objectives.base import Objective
from openitr.objectives.batch import Batch

Encode = Callable[[Tensor], Tensor]


def cached_backward(
    loss: Callable[..., Tensor], encoders: Sequence[Encode], inputs: Sequence[Tensor], *, micro: int
) -> Tensor:
    """Gradients of ``loss(encoders[0](inputs[0]), ...)``, added to ``.grad`` as ``backward()`` does.

    Only ``micro`` rows are in the towers with a graph at any time. Dropout draws the same in both passes.

    Args:
        loss: Embeddings in the order of the encoders, to a scalar.
        encoders: Rows of an input to embeddings; each row by itself (no batch norm).
        inputs: One tensor per encoder.
        micro: Rows at a time.

    Returns:
        The loss, without a graph.

    Raises:
        InputError: micro below 1.

    >>> tower = torch.nn.Linear(3, 2)
    >>> x = torch.randn(8, 3)
    >>> _ = cached_backward(lambda e: (e @ e.T).logsumexp(1).sum(), [tower], [x], micro=2)
    >>> cached = tower.weight.grad.clone(); tower.weight.grad = None
    >>> (tower(x) @ tower(x).T).logsumexp(1).sum().backward()
    >>> torch.allclose(cached, tower.weight.grad, atol=1e-5)
    True
    """
    if micro < 1:
        raise InputError(f"micro is {micro}", "use 1 row or more")
    parts = [(encode, given.split(micro)) for encode, given in zip(encoders, inputs, strict=True)]
    drawn: list[list[list[Tensor]]] = []
    leaves: list[Tensor] = []
    with torch.no_grad():
        for encode, chunks in parts:
            states, made = [], []
            for chunk in chunks:
                states.append(draws())
                made.append(encode(chunk))
            drawn.append(states)
            leaves.append(torch.cat(made).requires_grad_())
    value = loss(*leaves)
    value.backward()
    after = draws()
    for (encode, chunks), states, leaf in zip(parts, drawn, leaves, strict=True):
        if leaf.grad is None:
            continue
        for chunk, state, gradient in zip(chunks, states, leaf.grad.split(micro), strict=True):
            draw_from(state)
            made_again = encode(chunk)
            if made_again.requires_grad:
                # The slope of this sum is the gradient; handing it to backward() makes torch load sympy, 20 MB.
                (made_again * gradient).sum().backward()
    draw_from(after)
    return value.detach()


def grouped_backward(
    objective: Objective,
    encode_images: Encode,
    encode_texts: Encode,
    images: Tensor,
    texts: Tensor,
    *,
    owner: Tensor | None = None,
    groups: int = 1,
    micro: int = 32,
) -> Tensor:
    """Gradients of the mean of the objective over groups of pictures, with cached embeddings.

    Args:
        objective: Reads the two embeddings alone.
        encode_images: The image tower.
        encode_texts: The text tower.
        images: (B, ...) inputs.
        texts: (M, ...) inputs.
        owner: (M,) int64, the picture of each text; text j to picture j when None.
        groups: Pictures are cut into so many groups, in order; one is the whole batch.
        micro: Rows in a tower at a time.

    Returns:
        The mean loss, without a graph.

    Raises:
        InputError: More groups than pictures, or fewer than 1.
    """
    if not 1 <= groups <= len(images):
        raise InputError(f"{len(images)} pictures cannot form {groups} groups", "use at most one group per picture")
    whose = torch.arange(len(texts), device=texts.device) if owner is None else owner
    pieces = torch.arange(len(images), device=images.device).tensor_split(groups)
    total = torch.zeros((), device=images.device)
    for piece in pieces:
        first, last = int(piece[0]), int(piece[-1])
        rows = ((whose >= first) & (whose <= last)).nonzero().flatten()

        def loss(v: Tensor, t: Tensor, theirs: Tensor = whose[rows] - first) -> Tensor:
            return objective(Batch(v, t, theirs)) / groups

        total = total + cached_backward(
            loss, [encode_images, encode_texts], [images[first : last + 1], texts[rows]], micro=micro
        )
    return total
