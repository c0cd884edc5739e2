# mypy: disallow-subclassing-any=False
"""A fusion model in a folder: weights, what they are weights of, and the words it knows."""

from __future__ import annotations

import json
from pathlib import Path

from openitr.errors import ModelError
from openitr.models.align_fuse import AlignThenFuse
from openitr.models.dual import DualEncoder
from openitr.models.fusion import FusionEncoder
from openitr.models.fusion_backbone import FusionInBackbone
from openitr.models.single_stream import SingleStream
from openitr.models.tokenizer import WordTokenizer

WEIGHTS, DESCRIPTION, WORDS = "weights.safetensors", "architecture.json", "tokenizer.json"
_MODELS = {model.__name__: model for model in (AlignThenFuse, FusionInBackbone, SingleStream)}


def save_fusion(folder: str | Path, model: FusionEncoder, tokenizer: WordTokenizer) -> Path:
    """Write what :func:`read_fusion` reads; files of the same names are replaced.

    Args:
        folder: Made when missing.
        model: One of this package's.
        tokenizer: That its ids come from.
    """
    folder = Path(folder).expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    keep_weights(folder, model)
    tokenizer.save(folder / WORDS)
    return folder


def keep_weights(folder: Path, model: DualEncoder) -> None:
    """The torch weights, and what they are weights of."""
    from safetensors.torch import save

    # save_file() makes a file that nobody but its owner may read; a model is for sharing.
    tensors = {key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()}
    (folder / WEIGHTS).write_bytes(save(tensors))
    (folder / DESCRIPTION).write_text(json.dumps(model.to_json(), indent=2) + "\n", encoding="utf-8")


def read_fusion(folder: str | Path) -> tuple[FusionEncoder, WordTokenizer]:
    """A fusion model and its tokenizer, ready to judge.

    Raises:
        ModelError: A file is missing or damaged, or the folder holds another kind of model.

    >>> import tempfile
    >>> from openitr.models import TextTransformer, ViT
    >>> words = WordTokenizer.fit(["a red circle"])
    >>> model = AlignThenFuse(ViT(32, patch=16, width=16, depth=1), TextTransformer(len(words), width=16, depth=1), 8)
    >>> with tempfile.TemporaryDirectory() as home:
    ...     again, _ = read_fusion(save_fusion(home, model, words))
    >>> type(again).__name__
    'AlignThenFuse'
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    folder = Path(folder).expanduser()
    missing = [name for name in (WEIGHTS, DESCRIPTION, WORDS) if not (folder / name).is_file()]
    if missing:
        raise ModelError(f"{folder} has no {missing[0]}", "give a folder that openitr.models.saved.save_fusion wrote")
    try:
        described = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        kind = _MODELS.get(str(described.get("model", "")))
        if kind is None:
            raise ModelError(
                f"{folder} holds {described.get('model', 'a dual encoder')}, which judges no pairs",
                f"give one of {', '.join(_MODELS)}",
            )
        model = kind.from_json(described)
        assert isinstance(model, FusionEncoder)
        model.load_state_dict(load_file(folder / WEIGHTS))
    except (SafetensorError, ValueError, RuntimeError, OSError, AttributeError) as error:
        raise ModelError(f"{folder / WEIGHTS} does not fit {DESCRIPTION}: {error}", "copy the folder again") from error
    return model.eval(), WordTokenizer.load(folder / WORDS)
