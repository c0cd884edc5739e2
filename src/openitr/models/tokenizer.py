"""Words to ids, learned from the texts at hand; kept in the ``tokenizer.json`` that every encoder folder has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from openitr.errors import DatasetError, ModelError

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
PAD, UNKNOWN, BEGIN, END, MASK = range(5)


class WordTokenizer:
    """Lower-cased words and punctuation marks, one id each; Chinese by the character.

    Every text begins with [CLS] (2) and ends with [SEP] (3); [PAD] is 0, [UNK] 1, [MASK] 4.

    Args:
        tokenizer: A ``tokenizers.Tokenizer`` with those five first; use :meth:`fit` or :meth:`load`.
        length: Longest text, ids; the rest is cut.

    >>> tokenizer = WordTokenizer.fit(["a red dog", "A blue dog."])
    >>> len(tokenizer), tokenizer.encode(["a red dog", "cat"]).tolist()
    (10, [[2, 5, 9, 6, 3], [2, 1, 3, 0, 0]])
    >>> tokenizer.decode([2, 5, 9, 6, 3])
    'a red dog'
    """

    def __init__(self, tokenizer: Any, length: int = 32) -> None:
        self._tokenizer = tokenizer
        self.length = length
        self._tokenizer.enable_truncation(length)
        self._tokenizer.enable_padding(pad_id=PAD, pad_token=SPECIAL[PAD])

    @classmethod
    def fit(cls, texts: Iterable[str], *, size: int = 8000, length: int = 32, at_least: int = 1) -> WordTokenizer:
        """Learn the words of some texts, most frequent first, ties in alphabetical order.

        Args:
            texts: Any number.
            size: Most ids, the five special ones included.
            length: Longest text, ids.
            at_least: Rarer words become [UNK].

        Raises:
            DatasetError: There is no word in them.
        """
        from tokenizers import Tokenizer
        from tokenizers.models import WordLevel
        from tokenizers.normalizers import BertNormalizer
        from tokenizers.pre_tokenizers import BertPreTokenizer
        from tokenizers.processors import TemplateProcessing

        cleaner, cutter = BertNormalizer(strip_accents=False), BertPreTokenizer()
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(word for word, _ in cutter.pre_tokenize_str(cleaner.normalize_str(text)))
        if not counts:
            raise DatasetError("there is no word to learn from", "give texts that are not empty")
        ranked = sorted((word for word, n in counts.items() if n >= at_least), key=lambda w: (-counts[w], w))
        words = [*SPECIAL, *(w for w in ranked if w not in SPECIAL)][:size]
        made = Tokenizer(WordLevel({word: row for row, word in enumerate(words)}, unk_token=SPECIAL[UNKNOWN]))
        made.add_special_tokens(list(SPECIAL))
        made.normalizer, made.pre_tokenizer = cleaner, cutter
        made.post_processor = TemplateProcessing(
            single=f"{SPECIAL[BEGIN]} $A {SPECIAL[END]}",
            special_tokens=[(SPECIAL[BEGIN], BEGIN), (SPECIAL[END], END)],
        )
        return cls(made, length)

    @classmethod
    def load(cls, path: str | Path) -> WordTokenizer:
        """Read what :meth:`save` wrote.

        Raises:
            ModelError: No such file, or not a tokenizer of this kind.
        """
        from tokenizers import Tokenizer

        path = Path(path)
        try:
            made = Tokenizer.from_file(str(path))
        except Exception as error:  # the Rust side raises the bare base class
            raise ModelError(f"{path} is no tokenizer: {error}", "give a tokenizer.json") from error
        if [made.token_to_id(word) for word in SPECIAL] != list(range(5)):
            raise ModelError(f"{path} does not begin with {', '.join(SPECIAL)}", "fit a WordTokenizer anew")
        return cls(made, int((made.truncation or {}).get("max_length", 32)))

    def save(self, path: str | Path) -> None:
        """Write a ``tokenizer.json`` (the format of Hugging Face tokenizers)."""
        Path(path).write_text(self._tokenizer.to_str(pretty=False), encoding="utf-8")

    def __len__(self) -> int:
        """Number of ids."""
        return int(self._tokenizer.get_vocab_size())

    def encode(self, texts: Sequence[str]) -> Tensor:
        """Texts to ids: (n, L) int64, padded with 0 to the longest of them."""
        encodings = self._tokenizer.encode_batch(list(texts))
        return torch.tensor([e.ids for e in encodings], dtype=torch.int64).reshape(
            len(encodings), len(encodings[0].ids) if encodings else 0
        )

    def decode(self, ids: Sequence[int] | Tensor) -> str:
        """Ids to words with blanks between them, special ones left out."""
        return str(self._tokenizer.decode([int(i) for i in ids], skip_special_tokens=True))

    def id(self, word: str) -> int:
        """Id of one word as it stands after lower-casing; 1 ([UNK]) for one that was not learned."""
        found = self._tokenizer.token_to_id(word.lower())
        return UNKNOWN if found is None else int(found)
