"""Language models of Hugging Face transformers on this machine; with pictures where the checkpoint reads them."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from openitr.encoders.lmm import Message, Reply
from openitr.encoders.lmm_structured import structured
from openitr.encoders.transformers import advice, first_line
from openitr.errors import InputError, LMMError, MissingExtra, ModelError


class LocalLMM:
    """A chat model of transformers; weights are safetensors, and code that comes with a checkpoint is never run.

    Args:
        name: A folder, or a name on the Hugging Face hub (fetched by transformers where the network allows).
        threads: Threads of torch, for the whole process; None leaves them as they are.

    Raises:
        MissingExtra: transformers or torch is not installed.
        ModelError: No such model, or no safetensors weights.

    >>> LocalLMM("HuggingFaceTB/SmolVLM-256M-Instruct").generate(messages).text     # doctest: +SKIP
    'A dog runs on grass.'
    """

    def __init__(self, name: str, *, threads: int | None = None) -> None:
        try:
            import torch
            from transformers import AutoModelForCausalLM, AutoModelForImageTextToText, AutoProcessor
        except ImportError as error:
            raise MissingExtra("language models on this machine", "transformers") from error
        if threads:
            torch.set_num_threads(threads)
        folder = Path(name).expanduser()
        where = str(folder.resolve()) if folder.is_dir() else name
        self.name = f"local:{where}"
        safe: dict[str, Any] = {"trust_remote_code": False}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # deprecations inside the library are no concern of the user's
                # For a checkpoint without pictures this is its tokenizer.
                self._processor = AutoProcessor.from_pretrained(where, backend="pil", **safe)
                self.sees = hasattr(self._processor, "image_processor")
                family = AutoModelForImageTextToText if self.sees else AutoModelForCausalLM
                self._model = family.from_pretrained(where, use_safetensors=True, **safe).eval()
        except (OSError, ValueError, KeyError, ImportError, TypeError) as error:
            raise ModelError(f"{name} cannot be loaded: {first_line(error)}", advice(name)) from error
        self._tokenizer = getattr(self._processor, "tokenizer", self._processor)
        # One conversation at a time: a second one would only share the same cores and memory.
        self._busy = threading.Lock()

    def __repr__(self) -> str:
        return f"LocalLMM({self.name.removeprefix('local:')})"

    def generate(
        self,
        messages: Sequence[Message],
        *,
        schema: Mapping[str, Any] | None = None,
        max_tokens: int = 512,
        temperature: float = 0.0,
    ) -> Reply:
        """Answer the last message; see :meth:`openitr.encoders.lmm.LMM.generate`."""
        if not messages:
            raise InputError("nothing was asked", "give at least one message")

        def say(asked: Sequence[Message]) -> Reply:
            with self._busy:
                return self._say(asked, max_tokens, temperature)

        return say(messages) if schema is None else structured(say, messages, schema)

    def _say(self, messages: Sequence[Message], max_tokens: int, temperature: float) -> Reply:
        import torch

        pictures = [image for message in messages for image in message.images]
        if pictures and not self.sees:
            raise LMMError(f"{self.name} reads no pictures", "use a checkpoint that reads pictures and words")
        prompt = self._prompt(messages)
        given: dict[str, Any] = {"text": prompt, "return_tensors": "pt"}
        if pictures:
            given["images"] = [list(message.images) for message in messages if len(message.images)]
            given["images"] = [picture for group in given["images"] for picture in group]
        chosen: dict[str, Any] = (
            {"do_sample": True, "temperature": temperature} if temperature else {"do_sample": False}
        )
        try:
            with warnings.catch_warnings(), torch.inference_mode():
                warnings.simplefilter("ignore")
                inputs = self._processor(**given)
                written = self._model.generate(**inputs, max_new_tokens=max_tokens, **chosen)
        except (RuntimeError, ValueError, IndexError, TypeError) as error:
            raise LMMError(f"{self.name} broke on this: {first_line(error)}", "try a shorter text") from error
        read = int(inputs["input_ids"].shape[1])
        new = written[0, read:]
        text = str(self._tokenizer.decode(new, skip_special_tokens=True)).strip()
        if not text:
            raise LMMError(f"{self.name} said nothing", "try another model")
        return Reply(text, tokens_in=read, tokens_out=len(new), cost=0.0)

    def _prompt(self, messages: Sequence[Message]) -> str:
        """By the checkpoint's own template; base models have none, and get names and colons."""
        if getattr(self._processor, "chat_template", None):
            told = [{"role": message.role, "content": self._content(message)} for message in messages]
            return str(self._processor.apply_chat_template(told, add_generation_prompt=True, tokenize=False))
        mark = str(getattr(self._processor, "image_token", "") or "")
        lines = [f"{m.role.capitalize()}: {' '.join([*[mark] * len(m.images), m.text])}" for m in messages]
        return "\n".join([*lines, "Assistant:"])

    def _content(self, message: Message) -> Any:
        if not self.sees:
            return message.text
        return [*({"type": "image"} for _ in message.images), {"type": "text", "text": message.text}]
