"""Lexicon models in a folder: a picture or a text as weighted words, as ONNX graphs; needs no torch.

The graphs put out ``weights`` (n, V), not negative, one per word of the list that ``model.json`` names; the text side
may take ``present`` (n, V), 1 for each listed word that stands in the text. The heaviest words are kept and scaled to
length 1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from openitr.embeddings import Floats, Kind, LexiconEmbeddings
from openitr.encoders import long_text
from openitr.encoders.alike import alike
from openitr.encoders.graphs import Arrays
from openitr.encoders.manifest import Lexicon
from openitr.encoders.onnx import OnnxTowers, _tokens
from openitr.errors import InputError, ModelError, ShapeError
from openitr.types import ImageArray

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_WORD = re.compile(r"[a-z0-9]+(?:['’-][a-z0-9]+)*")
_PRESENT = "present"


def words_in(text: str) -> list[str]:
    """The words of a text as a word list knows them: lower case, apostrophes and hyphens inside kept.

    >>> words_in("A T-shirt, O'Neill's - 2 dogs")
    ['a', 't-shirt', "o'neill's", '2', 'dogs']
    """
    return [word.replace("’", "'") for word in _WORD.findall(text.lower())]


class LexiconEncoder(OnnxTowers):
    """A lexicon model in a folder: sparse weights over words, compared by their dot product (LexLIP, 2023).

    A text longer than the model's window is cut into overlapping windows; a word's weight is its highest in any of
    them.

    Raises:
        ModelError: The folder is no usable model, or its word list has not as many words as the model is wide.

    >>> from openitr.encoders import load
    >>> encoder = load("lexicon")                                          # doctest: +SKIP
    >>> encoder.terms(encoder.encode_texts(["two dogs on a beach"]))[0][:2] # doctest: +SKIP
    [('beach', 0.52), ('dogs', 0.49)]
    """

    kind: Kind = "lexicon"

    @property
    def _lexicon(self) -> Lexicon:
        return cast(Lexicon, self.manifest.lexicon)

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The vocabulary, in the order of the columns."""
        path = self._lexicon.words
        try:
            found = tuple(self.manifest.read(path).decode("utf-8").split())
        except UnicodeDecodeError as error:
            raise ModelError(f"{path} is not UTF-8 text: {error}", "a word list has one word a line") from error
        if len(found) != self.dim or len(set(found)) != len(found):
            raise ModelError(
                f"{path} holds {len(set(found)):,} different words in {len(found):,}, for a model of {self.dim:,}",
                "a word list has one word per column of the model",
            )
        return found

    @cached_property
    def _places(self) -> Mapping[str, int]:
        return {word: place for place, word in enumerate(self.words)}

    def encode_images(self, images: Sequence[ImageArray]) -> LexiconEmbeddings:
        """Embed (h, w, 3) uint8 RGB pictures of any size as their heaviest words, at most as many as the model says.

        Raises:
            InputError: A picture that is no (h, w, 3) uint8 array, or has no pixels.
            ShapeError: The model gave a wrong shape, NaN, or negative weights.
        """
        return self.images_from(self.ran(images))

    def images_from(self, batches: Iterable[Arrays]) -> LexiconEmbeddings:
        """Embeddings of what :meth:`ran` gives.

        Raises:
            ShapeError: The model gave a wrong shape, NaN, or negative weights.
        """
        rows = [self._checked(np.asarray(known[self.manifest.output], np.float32)) for known in batches]
        return self._heaviest(rows, self._lexicon.image_terms)

    def encode_texts(self, texts: Sequence[str]) -> LexiconEmbeddings:
        """Embed texts of any length as their heaviest words.

        Raises:
            InputError: A text that is blank, no string, or longer than 1,000,000 characters.
            ShapeError: The model gave a wrong shape, NaN, or negative weights.
        """
        texts = long_text.readable(texts)
        if not texts:
            return self._heaviest([], self._lexicon.text_terms)
        chain, _, padding = self._open_text()
        windows, owners = self._windows(texts)
        found = np.zeros((len(texts), self.dim), np.float32)
        for rows in alike([len(window.ids) for window in windows]):
            given = _tokens([windows[i] for i in rows], padding)
            given[_PRESENT] = self._present([_read_by(texts[owners[i]], windows[i]) for i in rows])
            for i, weights in zip(rows, self._checked(chain(given)), strict=True):
                found[owners[i]] = np.maximum(found[owners[i]], weights)
        return self._heaviest([found], self._lexicon.text_terms)

    def terms(self, embeddings: LexiconEmbeddings) -> list[list[tuple[str, float]]]:
        """The words of each row with their weights, heaviest first."""
        matrix = embeddings.matrix
        made = []
        for row in range(len(embeddings)):
            part = slice(matrix.indptr[row], matrix.indptr[row + 1])
            pairs = sorted(zip(-matrix.data[part], matrix.indices[part], strict=True))
            made.append([(self.words[term], -float(weight)) for weight, term in pairs])
        return made

    def term(self, word: str) -> int:
        """Column of a word.

        Raises:
            InputError: The model does not know the word; the message names those that are close.
        """
        spoken = (words_in(word) or [word])[0]
        if spoken not in self._places:
            near = get_close_matches(spoken, self.words, n=3, cutoff=0.6)
            hint = f"did you mean {', '.join(near)}?" if near else "use a word of its list"
            raise InputError(f"the model {self.spec} does not know the word {word!r}", hint)
        return self._places[spoken]

    def reweighed(self, query: LexiconEmbeddings, words: Mapping[str, float]) -> LexiconEmbeddings:
        """One query with some of its words weighed anew, scaled to length 1 again.

        Args:
            query: One row.
            words: Factor per word: 2 counts a word twice, 0 leaves it out. A word that the query has not enters with
                the factor times the mean weight of the query's own words.

        Raises:
            InputError: A word that the model does not know, or a factor below 0 or not finite.
        """
        from scipy.sparse import csr_matrix

        row = np.asarray(query.matrix.todense(), np.float32)[0]
        mean = float(row[row > 0].mean()) if (row > 0).any() else 1.0
        for word, factor in words.items():
            if not 0 <= factor < np.inf:
                raise InputError(f"the factor of {word!r} is {factor}", "use 0 or more; 0 leaves the word out")
            place = self.term(word)
            row[place] = factor * (row[place] or mean)
        norm = float(np.linalg.norm(row))
        return LexiconEmbeddings(csr_matrix((row / norm if norm else row)[None]))

    def _present(self, texts: Iterable[str]) -> Floats:
        rows = [[self._places[word] for word in words_in(text) if word in self._places] for text in texts]
        made = np.zeros((len(rows), self.dim), np.float32)
        for row, places in zip(made, rows, strict=True):
            row[places] = 1
        return made

    def _checked(self, weights: Floats) -> Floats:
        """What a graph put out, or an error that names what is wrong with it."""
        if weights.ndim != 2 or weights.shape[1] != self.dim:
            raise ShapeError(
                f"{self.spec} gave an array of shape {weights.shape}, not (n, {self.dim})",
                'check "dim" and "output" in its model.json',
            )
        if not (np.isfinite(weights).all() and (weights >= 0).all()):
            raise ShapeError(
                f"{self.spec} gave a weight that is negative or not finite",
                f'output "{self.manifest.output}" must be log(1 + relu(x)) or the like',
            )
        return weights

    def _heaviest(self, batches: Sequence[Floats], most: int) -> LexiconEmbeddings:
        """Batches of full rows as one sparse matrix; among equal weights the lower column stays."""
        from scipy.sparse import csr_matrix

        parts = [_cut(rows, most) for rows in batches if len(rows)]
        whole = [np.concatenate(column) for column in zip(*parts, strict=True)] if parts else []
        if not whole:
            return LexiconEmbeddings(csr_matrix((0, self.dim), dtype=np.float32))
        data, columns, counts = whole
        made: csr_matrix = csr_matrix(
            (data, columns, np.concatenate([[0], np.cumsum(counts)])), shape=(len(counts), self.dim)
        )
        return LexiconEmbeddings(made)


def _cut(rows: Floats, most: int) -> tuple[Floats, Any, Any]:
    """Weights of length 1, their columns ascending, and how many each row has."""
    kept = min(most, rows.shape[1])
    order = np.sort(np.argsort(-rows, axis=1, kind="stable")[:, :kept], axis=1)
    values = np.take_along_axis(rows, order, axis=1)
    there = values > 0
    # float64 for the length alone: the sum of many small squares.
    norms = np.sqrt(np.square(values, dtype=np.float64).sum(1, keepdims=True))
    unit = (values / np.where(norms > 0, norms, 1)).astype(np.float32)
    return unit[there], order[there], there.sum(1)


def _read_by(text: str, window: Any) -> str:
    """The part of a text that a window covers."""
    spans = [span for span, special in zip(window.offsets, window.special_tokens_mask, strict=True) if not special]
    return text[spans[0][0] : spans[-1][1]] if spans else ""
