from __future__ import annotations

from pathlib import Path

import pytest

from openitr import datasets
from openitr.errors import DatasetError


def write(folder: Path, text: str, name: str = "rows.csv", encoding: str = "utf-8") -> Path:
    (folder / name).write_bytes(text.encode(encoding))
    return folder / name


@pytest.mark.parametrize("separator", [",", "\t", ";", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_separators_and_encodings(pictures: Path, separator: str, encoding: str) -> None:
    lines = ["filepath,title,split,price", 'a.png,"ein Hund, müde",train,3', "sub/c.png,zwei,test,4"]
    text = "\r\n".join(lines).replace(",", separator).replace(f"Hund{separator} ", "Hund, ")
    data = datasets.read(write(pictures, text, encoding=encoding))
    assert [(p.id, p.texts["und"], p.split, dict(p.metadata)) for p in data] == [
        ("a.png", ("ein Hund, müde",), "train", {"price": "3"}),
        ("sub/c.png", ("zwei",), "test", {"price": "4"}),
    ]


def test_rows_of_one_picture_are_joined_by_language(pictures: Path) -> None:
    text = "image,lang,caption\na.png,en,one\na.png,de,eins\nb.png,en,two\na.png,en,uno\n"
    data = datasets.read(write(pictures, text))
    assert [dict(p.texts) for p in data] == [{"en": ("one", "uno"), "de": ("eins",)}, {"en": ("two",)}]


def test_ids_that_number_texts_are_no_ids(pictures: Path) -> None:
    data = datasets.read(write(pictures, "id,image,caption\n1,a.png,x\n2,a.png,y\n3,b.png,z\n"))
    assert [p.id for p in data] == ["a.png", "b.png"]
    assert any("numbers texts" in note for note in data.notes)
    data = datasets.read(write(pictures, "image_id,image,caption\n7,a.png,x\n7,a.png,y\n8,b.png,z\n"))
    assert [p.id for p in data] == ["7", "8"]


def test_numbered_and_chosen_columns(pictures: Path) -> None:
    data = datasets.read(write(pictures, "image,caption_1,caption_2\na.png,x,y\n"))
    assert data[0].texts["und"] == ("x", "y")
    data = datasets.read(write(pictures, "bild;satz\na.png;x\n"), columns={"image": "bild", "text": "satz"}, lang="de")
    assert dict(data[0].texts) == {"de": ("x",)}
    with pytest.raises(DatasetError, match="no column for the picture and the text in the header 'bild;satz'"):
        datasets.read(write(pictures, "bild;satz\na.png;x\n"))


def test_quoted_line_breaks_and_short_rows(pictures: Path) -> None:
    data = datasets.read(write(pictures, 'image,caption\na.png,"two\nlines"\nb.png,x\n'))
    assert [p.texts["und"] for p in data] == [("two\nlines",), ("x",)]
    with pytest.raises(DatasetError, match=r"rows\.csv, line 4: 3 fields under 2 columns"):
        datasets.read(write(pictures, 'image,caption\na.png,"two\nlines"\nb.png,x,y\n'))
    with pytest.raises(DatasetError, match=r"line 2: field larger"):
        datasets.read(write(pictures, "image,caption\na.png," + "x" * 200_000))
    with pytest.raises(DatasetError, match="split 'test' and in 'train'"):
        datasets.read(write(pictures, "image,caption,split\na.png,x,train\na.png,y,test\n"))


def test_kaggles_flickr_folder(tmp_path: Path, png: object) -> None:
    (tmp_path / "Images").mkdir()
    (tmp_path / "Images" / "1.jpg").write_bytes(png(1))  # type: ignore[operator]
    (tmp_path / "captions.txt").write_text("image,caption\n1.jpg,A dog .\n1.jpg,It runs .\n")
    data = datasets.read(tmp_path)
    assert [(p.id, p.texts["und"]) for p in data] == [("1.jpg", ("A dog .", "It runs ."))]


def test_imagefolder(pictures: Path, png: object) -> None:
    for split, count in (("train", 2), ("validation", 1)):
        (pictures / split).mkdir()
        rows = ["file_name,text"]
        for number in range(count):
            (pictures / split / f"{number}.png").write_bytes(png(number))  # type: ignore[operator]
            rows.append(f"{number}.png,{split} {number}")
        write(pictures / split, "\n".join(rows), "metadata.csv")
    data = datasets.read(pictures)
    assert [(p.id, p.split) for p in data] == [
        ("train/0.png", "train"), ("train/1.png", "train"), ("validation/0.png", "val"),
    ]  # fmt: skip
    write(pictures / "train", '{"file_name": "../../x.png", "text": "x"}', "metadata.jsonl")
    with pytest.raises(DatasetError, match="leads out"):
        datasets.read(pictures)
