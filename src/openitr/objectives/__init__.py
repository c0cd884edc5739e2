"""Objectives: what a model is trained to do (torch: ``pip install "openitr[train]"``).

An objective is a choice along axes, put together by :class:`Contrastive`:

    similarity   Dot, Sparse, MaxSim, StructuredSparse
    targets      Own, SameLabel, Alike, Slow, Trusted
    mining       All, Hardest, Sampled
    form         Softmax, Sigmoid, Hinge, Circle
    weighting    Even, ByTrust, Trimmed
    reduction    Mean, Sum, OverActive

or a class of its own where the idea is new. Every one takes a :class:`Batch` and passes :func:`check`.
:func:`cached_backward` and :func:`grouped_backward` train with large batches in little memory.
"""

from openitr.objectives.base import Objective
from openitr.objectives.batch import Batch
from openitr.objectives.boost import Boost
from openitr.objectives.cached import cached_backward, grouped_backward
from openitr.objectives.circle import CircleLoss
from openitr.objectives.constant import constant
from openitr.objectives.contract import check
from openitr.objectives.contrastive import Contrastive
from openitr.objectives.forms import Circle, Form, Hinge, Sigmoid, Softmax
from openitr.objectives.gssf import StructuredSparse
from openitr.objectives.info_nce import InfoNCE, info_nce
from openitr.objectives.mining import All, Hardest, Sampled
from openitr.objectives.one_to_k import OneToK
from openitr.objectives.reduction import Mean, OverActive, Sum
from openitr.objectives.scold import Scold, SoftContext
from openitr.objectives.siglip import SigLIP
from openitr.objectives.similarity import Dot, MaxSim, Similarity, Sparse
from openitr.objectives.targets import Alike, Own, SameLabel, Slow, Targets, Trusted
from openitr.objectives.tcl import TCL
from openitr.objectives.triplet import DirectionalRank, Triplet
from openitr.objectives.unicl import UniCL, hash_labels
from openitr.objectives.unime import FilteredHardNegative, similarity_kl
from openitr.objectives.weighting import ByTrust, Even, Trimmed, Weighting

__all__ = [
    "TCL",
    "Alike",
    "All",
    "Batch",
    "Boost",
    "ByTrust",
    "Circle",
    "CircleLoss",
    "Contrastive",
    "DirectionalRank",
    "Dot",
    "Even",
    "FilteredHardNegative",
    "Form",
    "Hardest",
    "Hinge",
    "InfoNCE",
    "MaxSim",
    "Mean",
    "Objective",
    "OneToK",
    "OverActive",
    "Own",
    "SameLabel",
    "Sampled",
    "Scold",
    "SigLIP",
    "Sigmoid",
    "Similarity",
    "Slow",
    "SoftContext",
    "Softmax",
    "Sparse",
    "StructuredSparse",
    "Sum",
    "Targets",
    "Trimmed",
    "Triplet",
    "Trusted",
    "UniCL",
    "Weighting",
    "cached_backward",
    "check",
    "constant",
    "grouped_backward",
    "hash_labels",
    "info_nce",
    "similarity_kl",
]
