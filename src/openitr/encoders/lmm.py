"""Large multimodal models: one call for all of them, and where the configured one comes from.

    OPENITR_LMM_URL     http://localhost:11434/v1, or local:FOLDER for a checkpoint of transformers
    OPENITR_LMM_MODEL   the model's name there; not needed for local:
    OPENITR_LMM_KEY     sent as a bearer token; never written anywhere

The address is that of any OpenAI-compatible server: vLLM, Ollama, llama.cpp, a hosted one.

Nothing in this package needs one. What takes an LMM takes None as well, catches :class:`~openitr.errors.LMMError`, goes
on with what works without it, and leaves a note that people see.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, get_args, runtime_checkable

from openitr.errors import InputError
from openitr.types import ImageArray

Role = Literal["system", "user", "assistant"]
GAIN = "set OPENITR_LMM_URL and OPENITR_LMM_MODEL to use a language model"


@dataclass(frozen=True, eq=False)
class Message:
    """One turn of what a model is told.

    Args:
        role: "system", "user" or "assistant".
        text: The words; may be "" where there are pictures.
        images: (h, w, 3) uint8 RGB pictures, shown before the words.

    Raises:
        InputError: An unknown role, or nothing said.

    >>> Message("user", "What is in the picture?").images
    ()
    """

    role: Role
    text: str
    images: Sequence[ImageArray] = ()

    def __post_init__(self) -> None:
        if self.role not in get_args(Role):
            raise InputError(f"there is no role {self.role!r}", "use " + ", ".join(get_args(Role)))
        if not self.text.strip() and not len(self.images):
            raise InputError("an empty message says nothing", "give words, a picture, or both")


@dataclass(frozen=True, eq=False)
class Reply:
    """What a model answered.

    Args:
        text: Its words.
        value: The object in them, valid under the schema that was asked for; None without one.
        tokens_in, tokens_out: Read and written, as the model counts them, over all tries that were answered.
        cost: In the currency of the prices; None where they are not known.
        cached: Whether it came from the disk: nothing was asked and nothing was spent.
        notes: What a reader should know ("repaired once: ...").
    """

    text: str
    value: Any = None
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float | None = None
    cached: bool = False
    notes: Sequence[str] = ()


@runtime_checkable
class LMM(Protocol):
    """A model that reads words and pictures and writes words.

    Attributes:
        name: Of the model, for notes and reports.
    """

    name: str

    def generate(
        self,
        messages: Sequence[Message],
        *,
        schema: Mapping[str, Any] | None = None,
        max_tokens: int = 512,
        temperature: float = 0.0,
    ) -> Reply:
        """Answer the last message.

        Args:
            messages: The conversation, oldest first.
            schema: JSON Schema of the value that the reply must hold; None takes any words.
            max_tokens: Longest reply.
            temperature: 0 for the likeliest words; more is more varied.

        Raises:
            LMMError: Down, too slow, or the reply is of no use after one repair.
        """
        ...


def configured(
    url: str | None = None, model: str | None = None, key: str | None = None, *, cache: Path | None = None
) -> LMM | None:
    """The language model that arguments or the environment name; None where none is named.

    Args:
        url: Instead of OPENITR_LMM_URL.
        model: Instead of OPENITR_LMM_MODEL.
        key: Instead of OPENITR_LMM_KEY.
        cache: A folder to keep replies in, so that the same question is paid for once; None keeps none.

    Raises:
        InputError: An address that is none, or one without a model's name.
        MissingExtra: What it needs is not installed.
        ModelError: A local checkpoint that cannot be read.
    """
    url = (url or os.environ.get("OPENITR_LMM_URL", "")).strip()
    if not url:
        return None
    model = (model or os.environ.get("OPENITR_LMM_MODEL", "")).strip()
    made: LMM
    if url.startswith("local:"):
        from openitr.encoders.lmm_local import LocalLMM

        made = LocalLMM(url.removeprefix("local:"))
    else:
        from openitr.encoders.lmm_http import HttpLMM

        if not model:
            raise InputError(f"{url} serves many models, and none is named", "set OPENITR_LMM_MODEL")
        made = HttpLMM(url, model, key=key or os.environ.get("OPENITR_LMM_KEY"))
    if cache is None:
        return made
    from openitr.encoders.lmm_cache import CachedLMM

    return CachedLMM(made, cache)
