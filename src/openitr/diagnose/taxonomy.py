"""The map of interpretability of "Explainable Multimodal LLMs" (2024 survey), each leaf with what there is of it here.

Dang et al. 2024, "Explainable and Interpretable Multimodal Large Language Models: A Comprehensive Survey"
(arXiv:2412.02104): data, model, training and inference. Which representative stands for a leaf is ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any


@dataclass(frozen=True)
class Leaf:
    """One class of methods.

    Args:
        branch: "data", "model: token", ...
        name: What it is.
        code: Dotted name of the representative in this package; "" where it is not covered.
        why_not: Where it is not covered, why.
    """

    branch: str
    name: str
    code: str = ""
    why_not: str = ""

    def resolve(self) -> Any:
        """The object that ``code`` names; None where the leaf is declared as not covered.

        Raises:
            ImportError: It names nothing.
        """
        if not self.code:
            return None
        pieces = self.code.split(".")
        for cut in range(len(pieces) - 1, 0, -1):
            try:
                found: Any = import_module(".".join(pieces[:cut]))
            except ModuleNotFoundError:
                continue
            for name in pieces[cut:]:
                if not hasattr(found, name):
                    raise ImportError(f"{self.code} is not there")
                found = getattr(found, name)
            return found
        raise ImportError(f"{self.code} is not there")


_HERE = "openitr.diagnose"

TAXONOMY: tuple[Leaf, ...] = (
    Leaf("data", "input attribution: parts of the picture", f"{_HERE}.explain.occlusion.occlusion_map"),
    Leaf("data", "input attribution: words of the text", f"{_HERE}.explain.words.word_saliency"),
    Leaf("data", "benchmark slicing: language", f"{_HERE}.strata.by_language"),
    Leaf("data", "benchmark slicing: length", f"{_HERE}.strata.by_length"),
    Leaf("data", "benchmark slicing: size", f"{_HERE}.strata.by_size"),
    Leaf("data", "benchmark slicing: source", f"{_HERE}.source.SourceBias"),
    Leaf("data", "dataset influence", why_not="needs the training data and gradients of every example"),
    Leaf("model: token", "visual tokens: gradient x input", f"{_HERE}.explain.gradients.gradient_times_input"),
    Leaf("model: token", "visual tokens: integrated gradients", f"{_HERE}.explain.gradients.integrated_gradients"),
    Leaf("model: embedding", "linear probe with control task", f"{_HERE}.probe.linear_probe"),
    Leaf("model: embedding", "concept direction", f"{_HERE}.probe.concept_direction"),
    Leaf("model: embedding", "modality gap", f"{_HERE}.gap.modality_gap"),
    Leaf("model: embedding", "effective rank", f"{_HERE}.gap.effective_rank"),
    Leaf("model: embedding", "modality inversion", f"{_HERE}.invert.ModalityInverter"),
    Leaf("model: embedding", "hubness", f"{_HERE}.hubs.hubness"),
    Leaf("model: neuron", "activation selectivity", why_not="single units of dual encoders have not been needed"),
    Leaf("model: layer", "attention maps", "openitr.models.attention_maps"),
    Leaf("model: layer", "attention rollout", f"{_HERE}.explain.inside.attention_rollout"),
    Leaf("model: architecture", "late-interaction match map", f"{_HERE}.explain.inside.maxsim_map"),
    Leaf("model: architecture", "concept bottleneck", why_not="no such model is part of this package"),
    Leaf("training and inference", "behaviour under word order", f"{_HERE}.words.word_order"),
    Leaf("training and inference", "concept association", f"{_HERE}.association.CABProbe"),
    Leaf("training and inference", "attribution-guided training", why_not="no recipe trains on its own maps"),
    Leaf("training and inference", "chain-of-thought traces", why_not="dual encoders write no text"),
    Leaf("training and inference", "retrieval evidence", "openitr.types.Hit.explain"),
    Leaf("trust", "faithfulness: deletion and insertion", f"{_HERE}.explain.curves.faithfulness"),
    Leaf("trust", "sanity: weights drawn anew", f"{_HERE}.explain.methods.randomised"),
)
