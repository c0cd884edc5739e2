"""What the recipe of the multilingual model reads, and how a finished folder replaces the old one."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
import torch

from recipes.command import place
from recipes.multilingual.bag import Bag, Read, flat, vocabulary
from recipes.multilingual.lengths import shortened
from recipes.multilingual.train import Plan, contrast
from recipes.multilingual.written import FREEDICT, entries, freedict, meanings

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def number(value: int) -> str:
    """As the dictd format writes numbers: base 64, the largest digit first."""
    found = LETTERS[value % 64]
    while value := value // 64:
        found = LETTERS[value % 64] + found
    return found


def dictd(folder: Path, name: str, said: dict[str, str]) -> None:
    """A dictionary in the files that dictd reads."""
    data, index = b"", []
    for head, text in said.items():
        raw = text.encode()
        index.append(f"{head}\t{number(len(data))}\t{number(len(raw))}\n")
        data += raw
    (folder / f"freedict-{name}.index").write_text("".join(index), encoding="utf-8")
    (folder / f"freedict-{name}.dict.dz").write_bytes(gzip.compress(data))


def test_a_dictionary_is_read_whole(tmp_path: Path) -> None:
    padding = "x" * 5000  # so that places need three digits
    said = {"00databaseinfo": padding, "dog": "dog <n>\npes\n", "red": "red <adj>\nčervený, rudý\n"}
    dictd(tmp_path, "eng-ces", said)
    assert list(entries(tmp_path, "eng-ces")) == [("dog", ["pes", ""]), ("red", ["červený, rudý", ""])]
    assert FREEDICT["eng-ces"], "the headwords are English: pairs are turned round"
    assert list(freedict(tmp_path, "eng-ces")) == [("pes", "dog"), ("červený", "red"), ("rudý", "red")]
    dictd(tmp_path, "fra-eng", {"chien": "chien /ʃjɛ̃/ <n, masc>\n1. dog\n2. to hound (sb.)\n"})
    assert list(freedict(tmp_path, "fra-eng")) == [("chien", "dog"), ("chien", "hound")]


def test_a_missing_dictionary_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="apt-get install"):
        list(entries(tmp_path, "eng-ces"))


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (["agent, means, tool"], ["agent", "means", "tool"]),
        (["mine car <n>, tub <n> [Br.]"], ["mine car", "tub"]),
        (['      "den Hund abrichten"  - train a dog', " see: {Hunde}", "   Synonym: {Tier}"], []),
        (["to run; a run"], ["run", "run"]),
        (["(informal)"], []),
    ],
)
def test_meanings_are_what_is_left(lines: list[str], found: list[str]) -> None:
    assert meanings(lines) == found


def test_rare_pieces_and_pairs_are_left_out_and_names_kept() -> None:
    texts = ["rotes kleid"] * 40 + ["blaues kleid"] * 20 + ["ein hut"] * 19
    known = vocabulary(texts, ["Zylinder"])
    assert {"<kleid>", "<blaues>", "<rotes>", "rotes kleid", "<zylinder>"} <= set(known) and known == sorted(known)
    assert not {"blaues kleid", "<hut>", "zylinder"} & set(known)


def test_the_recipe_reads_texts_as_the_product_does() -> None:
    from openitr.encoders import grams

    known = sorted({piece for text in ("zwei hunde", "两只狗", "ein hund") for piece in grams.grams(text)})
    read = Read(known)
    for text in ("zwei hunde", "ein zwei Hunde 两只狗!", "unbekannt", "hund"):
        wanted = [known.index(piece) for piece in grams.grams(text) if piece in known]
        assert [int(row) for rows in read.text(text) for row in rows] == wanted


def test_a_text_is_the_sum_of_its_rows_over_the_root_of_their_number() -> None:
    bag = Bag(6, 4).eval()
    texts = [[np.array([0, 1]), np.array([5])], [], [np.array([3])]]
    found = bag.summed(*flat(texts)).detach().numpy()
    table = bag.table.weight.detach().numpy()
    for row, which in zip(found, ([0, 1, 5], [], [3]), strict=True):
        total = sum((table[i] for i in which), np.zeros(table.shape[1])) / np.sqrt(max(1, len(which)))
        normed = (total - total.mean()) / np.sqrt(total.var() + bag.norm.eps)
        np.testing.assert_allclose(row, normed, atol=1e-5)


def test_a_finished_folder_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "model"
    for content in ("first", "second"):
        made = tmp_path / ".made"
        made.mkdir()
        (made / "file").write_text(content)
        place(made, target)
        assert (target / "file").read_text() == content and list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize(
    ("text", "most", "left"),
    [
        ("A black dog and a spotted dog are fighting", 4, "black dog spotted dog"),
        ("The dog .", 3, "dog"),
        ("a the", 3, "a the"),
    ],
)
def test_captions_are_cut_to_words_that_say_something(text: str, most: int, left: str) -> None:
    assert shortened(text, most) == left


def test_contrast_is_cross_entropy_with_half_of_the_teachers_view() -> None:
    rng = np.random.default_rng(0)
    plan = Plan(teacher=0.3, scale=7.0)
    pictures, vectors, teacher = (torch.tensor(rng.normal(size=(4, 5))).float() for _ in range(3))
    rows = [0, 1, 0, 2]
    wanted = 0.0
    for i in range(4):
        # A photo that stands in the batch twice is no rival of itself.
        kept = [j for j in range(4) if j == i or rows[j] != rows[i]]
        shown = pictures[kept].numpy()
        score, view = (plan.scale * shown @ one[i].numpy() for one in (vectors, teacher))
        told = np.exp(view) / np.exp(view).sum() * plan.teacher
        told[kept.index(i)] += 1 - plan.teacher
        wanted -= float((told * (score - np.log(np.exp(score).sum()))).sum()) / 4
    assert float(contrast(vectors, pictures, teacher, torch.tensor(rows), plan)) == pytest.approx(wanted, rel=1e-4)
