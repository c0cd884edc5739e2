"""Objectives: what a model is trained to do (torch: ``pip install "openitr[train]"``).

An objective is a choice along axes, put together by :class:`Contrastive`:

    similarity   Dot, Sparse, MaxSim, StructuredSparse, Transport, Assigned
    targets      Own, SameLabel, Alike, Slow, Trusted, Softening
    mining       All, Hardest, Sampled
    form         Softmax, Sigmoid, Hinge, Circle
    weighting    Even, ByTrust, Trimmed
    reduction    Mean, Sum, OverActive

or a class of its own where the idea is new. Every one takes a :class:`Batch` and passes :func:`check`.
:func:`cached_backward` and :func:`grouped_backward` train with large batches in little memory.
"""

from openitr.objectives.alignment_kernel import AlignmentKernel, Slices
from openitr.objectives.assigned import Assigned
from openitr.objectives.base import Objective
from openitr.objectives.batch import Batch
from openitr.objectives.boost import Boost
from openitr.objectives.cached import cached_backward, grouped_backward
from openitr.objectives.captioning import BothWays, Captioning, ContrastAndCaption, Restoring
from openitr.objectives.circle import CircleLoss
from openitr.objectives.clia import CLIA, FocalSigmoid
from openitr.objectives.constant import constant
from openitr.objectives.contract import check
from openitr.objectives.contrastive import Contrastive
from openitr.objectives.forms import Circle, Form, Hinge, Sigmoid, Softmax
from openitr.objectives.gssf import StructuredSparse
from openitr.objectives.info_nce import InfoNCE, info_nce
from openitr.objectives.lexicon import LexiconContrast, flops, naming
from openitr.objectives.lightclip import LightCLIPLoss
from openitr.objectives.long_short import LongShort, primary_components
from openitr.objectives.masked_words import MaskedWords, hide
from openitr.objectives.matching import Matching, Transported, hard_pairs
from openitr.objectives.mcip import MCIP, ArcMargin, CaptionArcMargin
from openitr.objectives.mining import All, Hardest, Sampled
from openitr.objectives.mlcd import ClusterDiscrimination
from openitr.objectives.momentum import MomentumContrast
from openitr.objectives.one_to_k import OneToK
from openitr.objectives.optimal_transport import Transport, transport_distance, transport_plan
from openitr.objectives.reduction import Mean, OverActive, Sum
from openitr.objectives.scold import Scold, SoftContext
from openitr.objectives.several import AlignThenFuseLoss, FusedBackboneLoss, Several, SingleStreamLoss
from openitr.objectives.siglip import SigLIP
from openitr.objectives.similarity import Dot, MaxSim, Similarity, Sparse
from openitr.objectives.small_loss import SmallLoss
from openitr.objectives.softened import Softened, Softening
from openitr.objectives.sub_captions import SubCaptions, grouping
from openitr.objectives.sugar import StructureInduced
from openitr.objectives.targets import Alike, Own, SameLabel, Slow, Targets, Trusted
from openitr.objectives.tcl import TCL
from openitr.objectives.triplet import DirectionalRank, Triplet
from openitr.objectives.unicl import UniCL, hash_labels
from openitr.objectives.unime import FilteredHardNegative, similarity_kl
from openitr.objectives.weighting import ByTrust, Even, Trimmed, Weighting

__all__ = [
    "CLIA",
    "MCIP",
    "TCL",
    "AlignThenFuseLoss",
    "AlignmentKernel",
    "Alike",
    "All",
    "ArcMargin",
    "Assigned",
    "Batch",
    "Boost",
    "BothWays",
    "ByTrust",
    "CaptionArcMargin",
    "Captioning",
    "Circle",
    "CircleLoss",
    "ClusterDiscrimination",
    "ContrastAndCaption",
    "Contrastive",
    "DirectionalRank",
    "Dot",
    "Even",
    "FilteredHardNegative",
    "FocalSigmoid",
    "Form",
    "FusedBackboneLoss",
    "Hardest",
    "Hinge",
    "InfoNCE",
    "LexiconContrast",
    "LightCLIPLoss",
    "LongShort",
    "MaskedWords",
    "Matching",
    "MaxSim",
    "Mean",
    "MomentumContrast",
    "Objective",
    "OneToK",
    "OverActive",
    "Own",
    "Restoring",
    "SameLabel",
    "Sampled",
    "Scold",
    "Several",
    "SigLIP",
    "Sigmoid",
    "Similarity",
    "SingleStreamLoss",
    "Slices",
    "Slow",
    "SmallLoss",
    "SoftContext",
    "Softened",
    "Softening",
    "Softmax",
    "Sparse",
    "StructureInduced",
    "StructuredSparse",
    "SubCaptions",
    "Sum",
    "Targets",
    "Transport",
    "Transported",
    "Trimmed",
    "Triplet",
    "Trusted",
    "UniCL",
    "Weighting",
    "cached_backward",
    "check",
    "constant",
    "flops",
    "grouped_backward",
    "grouping",
    "hard_pairs",
    "hash_labels",
    "hide",
    "info_nce",
    "naming",
    "primary_components",
    "similarity_kl",
    "transport_distance",
    "transport_plan",
]
