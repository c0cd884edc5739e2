"""Small real towers, readable in one sitting each (torch: ``pip install "openitr[train]"``).

    ViT, ConvNet                          pictures to states
    TextTransformer                       ids to states
    BagOfWords, Ngrams, Windows           texts without attention
    Projector                             features of frozen encoders; linear_cka says which go together
    LexiconHead, Bottleneck               weights over words, and what keeps them words
    Patches, TokenHead, TokenReducer      one vector per patch and word, for late interaction
    LateInteractionClassifier             attributes by task; any text may be a label
    DualEncoder, tiny_dual_encoder        two towers, one space
    AlignThenFuse, FusionInBackbone       towers that search, and judge pairs together; match says how probable one is
    SingleStream, Regions                 one transformer over words and regions
    Injected                              a dual encoder that also learns to fill gaps in texts, with the picture
    PromptedViT, FocalLens                a ViT told what to look at, by Instruction or SegmentTokens
    RegionViT                             pictures with marked parts, and texts, in one space
    InstanceTower                         the things of a picture, each seen among the others
    RelationExperts                       each word through the linear maps its gate chooses
    LongText                              a text tower whose window was stretched
    FrozenLMLayer, ViTThroughLM           a frozen block of a language model inside a picture tower
    CoCa, SymmetricCaptioner              two towers and a captioner in one pass
    inflate                               a flat convolution, made to watch videos
    lock                                  a tower left as it is while the rest trains
    WordTokenizer                         words to ids, learned from the texts at hand
    attention_maps                        what the attention looks at, as part of the graph

Every tower but Ngrams has ``embed(inputs)``, the vectors after its first layer, and can be entered with them
(``tokens=``).
"""

from openitr.models.align_fuse import AlignThenFuse
from openitr.models.bags import BagOfWords, Ngrams, Windows
from openitr.models.blocks import Attention, Block, attention_maps
from openitr.models.bottleneck import Bottleneck
from openitr.models.captioner import CoCa
from openitr.models.captioner_both_ways import SymmetricCaptioner, attentive_mask
from openitr.models.convnet import ConvNet
from openitr.models.dual import DualEncoder, tiny_dual_encoder
from openitr.models.experts import RelationExperts
from openitr.models.focallens import FocalLens
from openitr.models.fusion import FusionEncoder, Joined
from openitr.models.fusion_backbone import FusionInBackbone
from openitr.models.inflate import inflate
from openitr.models.injected import Injected
from openitr.models.instances import InstanceTower
from openitr.models.lexicon_head import LexiconHead, term_weights, unit_weights
from openitr.models.lm_block import (
    FrozenLMLayer,
    ViTThroughLM,
    WithoutOrder,
    WordBlock,
    focus_iou,
    shipped_block,
    token_focus,
)
from openitr.models.lock import lock
from openitr.models.long_text_positions import LongText, stretch_positions
from openitr.models.projector import Projector, linear_cka
from openitr.models.prompted import Instruction, PromptedViT, SegmentTokens
from openitr.models.region_vit import RegionViT
from openitr.models.regions import Regions, places
from openitr.models.single_stream import SingleStream
from openitr.models.task_classifier import LateInteractionClassifier
from openitr.models.text import TextTransformer
from openitr.models.token_head import Patches, TokenHead
from openitr.models.token_reducer import TokenReducer
from openitr.models.tokenizer import WordTokenizer
from openitr.models.tower import Encoded, masked_max, masked_mean
from openitr.models.vit import ViT

__all__ = [
    "AlignThenFuse",
    "Attention",
    "BagOfWords",
    "Block",
    "Bottleneck",
    "CoCa",
    "ConvNet",
    "DualEncoder",
    "Encoded",
    "FocalLens",
    "FrozenLMLayer",
    "FusionEncoder",
    "FusionInBackbone",
    "Injected",
    "InstanceTower",
    "Instruction",
    "Joined",
    "LateInteractionClassifier",
    "LexiconHead",
    "LongText",
    "Ngrams",
    "Patches",
    "Projector",
    "PromptedViT",
    "RegionViT",
    "Regions",
    "RelationExperts",
    "SegmentTokens",
    "SingleStream",
    "SymmetricCaptioner",
    "TextTransformer",
    "TokenHead",
    "TokenReducer",
    "ViT",
    "ViTThroughLM",
    "Windows",
    "WithoutOrder",
    "WordBlock",
    "WordTokenizer",
    "attention_maps",
    "attentive_mask",
    "focus_iou",
    "inflate",
    "linear_cka",
    "lock",
    "masked_max",
    "masked_mean",
    "places",
    "shipped_block",
    "stretch_positions",
    "term_weights",
    "tiny_dual_encoder",
    "token_focus",
    "unit_weights",
]
