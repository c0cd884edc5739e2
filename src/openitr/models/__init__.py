"""Small real towers, readable in one sitting each (torch: ``pip install "openitr[train]"``).

    ViT, ConvNet                          pictures to states
    TextTransformer                       ids to states
    BagOfWords, Ngrams, Windows           texts without attention
    Projector                             features of frozen encoders; linear_cka says which go together
    DualEncoder, tiny_dual_encoder        two towers, one space
    inflate                               a flat convolution, made to watch videos
    WordTokenizer                         words to ids, learned from the texts at hand
    attention_maps                        what the attention looks at, as part of the graph

Every tower but Ngrams has ``embed(inputs)``, the vectors after its first layer, and can be entered with them
(``tokens=``).
"""

from openitr.models.bags import BagOfWords, Ngrams, Windows
from openitr.models.blocks import Attention, Block, attention_maps
from openitr.models.convnet import ConvNet
from openitr.models.dual import DualEncoder, tiny_dual_encoder
from openitr.models.inflate import inflate
from openitr.models.projector import Projector, linear_cka
from openitr.models.text import TextTransformer
from openitr.models.tokenizer import WordTokenizer
from openitr.models.tower import Encoded, masked_max, masked_mean
from openitr.models.vit import ViT

__all__ = [
    "Attention",
    "BagOfWords",
    "Block",
    "ConvNet",
    "DualEncoder",
    "Encoded",
    "Ngrams",
    "Projector",
    "TextTransformer",
    "ViT",
    "Windows",
    "WordTokenizer",
    "attention_maps",
    "inflate",
    "linear_cka",
    "masked_max",
    "masked_mean",
    "tiny_dual_encoder",
]
