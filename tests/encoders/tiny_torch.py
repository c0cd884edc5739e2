"""Tiny CLIP and SigLIP checkpoints with seeded random weights, saved as safetensors in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image

PICTURE_SIDE = 16
WORDS = ["a", "two", "dog", "dogs", "on", "grass", "word", "and", "at", "last", "submarine", "wire", "green"]


def checkpoint(folder: Path, family: str, *, window: int = 64, crop: bool = True) -> Path:
    """Save a tiny model of a family ("clip" or "siglip") with tokenizer and image processor."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    folder.mkdir(parents=True)
    names = ["<pad>", "<unk>", "<s>", "</s>", *WORDS, *"abcdefghijklmnopqrstuvwxyz0123456789"]
    vocab = {name: number for number, name in enumerate(dict.fromkeys(names))}
    tokenizer = Tokenizer(models.WordPiece(vocab, unk_token="<unk>", continuing_subword_prefix=""))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    ends = [(name, vocab[name]) for name in ("<s>", "</s>")]
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=ends)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        unk_token="<unk>",
        bos_token="<s>",
        eos_token="</s>",
        model_max_length=window,
    ).save_pretrained(folder)
    text: dict[str, Any] = {
        "vocab_size": len(vocab),
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "max_position_embeddings": window,
        "pad_token_id": 0,
        "bos_token_id": 2,
        "eos_token_id": 3,
    }
    vision = {
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": PICTURE_SIDE,
        "patch_size": 4,
    }
    torch.manual_seed(0)
    if family == "clip":
        from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel

        model = CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=12))
        sizes: dict[str, Any] = {"size": {"shortest_edge": PICTURE_SIDE}, "crop_size": PICTURE_SIDE}
        processor = CLIPImageProcessorPil(**sizes, do_center_crop=crop)
    else:
        from transformers import SiglipConfig, SiglipImageProcessorPil, SiglipModel

        model = SiglipModel(SiglipConfig(text_config={**text, "projection_size": 16}, vision_config=vision))
        processor = SiglipImageProcessorPil(size={"height": PICTURE_SIDE, "width": PICTURE_SIDE})
    # Fresh weights are so small that all pictures look alike; larger ones make the golden values say something.
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(4) if parameter.ndim > 1 else None
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def photo() -> Image.Image:
    """A drawn picture of an odd shape, with edges that a shifted crop would move."""
    picture = Image.new("RGB", (61, 40), (200, 180, 30))
    picture.paste((20, 40, 220), (11, 5, 37, 33))
    picture.paste((250, 250, 250), (40, 20, 61, 40))
    return picture
