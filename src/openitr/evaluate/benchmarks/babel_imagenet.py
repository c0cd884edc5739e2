"""Babel-ImageNet: ImageNet's classes named in many languages, zero-shot (Geigle, Timofte & Glavas 2023).

``babel_imagenet.json`` is ``{LANG: [[class index, ...], [label, ...]]}``; the prompts, ``nllb_dist13b_prompts.json``,
are ``{LANG: [template with {}, ...]}``. Pictures are ImageNet's validation set sorted into folders by WordNet id, as
torchvision expects it; the sorted folder names give the class indices.
"""

from __future__ import annotations

from pathlib import Path

from openitr.datasets.sources import FileImage
from openitr.errors import DatasetError
from openitr.evaluate.benchmarks.benchmark import Benchmark, File, Published
from openitr.evaluate.benchmarks.files import Folder, listed, mapped, text, texts
from openitr.evaluate.benchmarks.task import GalleryItem, QueryItem, Task
from openitr.evaluate.languages import LabelSet
from openitr.evaluate.qrels import Qrels
from openitr.media.formats import by_extension

_GET = "https://github.com/gregor-ge/Babel-ImageNet (data); pictures: https://www.image-net.org (ILSVRC2012, val)"
_LABELS = ("babel_imagenet.json", "babel_imagenet-298.json")
_PROMPTS = "nllb_dist13b_prompts.json"


def read_labels(folder: Folder) -> dict[str, LabelSet]:
    """Language to its classes. Raises DatasetError when indices and labels do not pair up."""
    path = folder.path(*_LABELS)
    found = {}
    for lang, pair in mapped(folder.json(*_LABELS), str(path)).items():
        where = f"{path}, language {lang!r}"
        both = listed(pair, where)
        if len(both) != 2 or len(listed(both[0], where)) != len(listed(both[1], where)):
            raise DatasetError(f"{where}: not [[index, ...], [label, ...]] of one length", f"get it from {_GET}")
        good = [isinstance(index, int) and 0 <= index < 1000 for index in both[0]]
        if not all(good) or len(set(both[0])) != len(good):
            raise DatasetError(f"{where}: class indices are whole numbers from 0 to 999, each once", f"see {_GET}")
        found[lang] = LabelSet(tuple(both[0]), tuple(texts(both[1], where)))
    return found


def read_prompts(folder: Folder) -> dict[str, list[str]]:
    """Language to its templates; nothing where the file is not there, then a label stands alone."""
    if not (folder.root / _PROMPTS).exists():
        return {}
    path = folder.path(_PROMPTS)
    found = {}
    for lang, templates in mapped(folder.json(_PROMPTS), str(path)).items():
        where = f"{path}, language {lang!r}"
        found[lang] = [text(one, where) for one in listed(templates, where)]
        if not all("{}" in one for one in found[lang]):
            raise DatasetError(f"{where}: a prompt without {{}}", "the label goes where {} stands")
    return found


def _read(root: Path) -> list[Task]:
    folder = Folder(root, _GET)
    labels, prompts = read_labels(folder), read_prompts(folder)
    classes = sorted(path for path in folder.path("val").iterdir() if path.is_dir())
    pictures = [[FileImage(p) for p in sorted(one.iterdir()) if by_extension(p) is not None] for one in classes]
    if len(classes) != 1000:
        raise DatasetError(f"{root / 'val'} has {len(classes)} folders, not 1000", "one for each class of ImageNet")
    tasks = []
    for lang, names in labels.items():
        templates = prompts.get(lang, ["{}"])
        queries = [
            (str(index), QueryItem(f"{classes[index].name}/{image.name}", image=image))
            for index in names.indices
            for image in pictures[index]
        ]
        gallery = [
            GalleryItem(str(index), texts=tuple(template.replace("{}", label) for template in templates))
            for index, label in zip(names.indices, names.labels, strict=True)
        ]
        right = Qrels.of_owners([query.id for _, query in queries], [index for index, _ in queries])
        tasks.append(Task(lang, [query for _, query in queries], gallery, right, ("R@1", "R@5"), family="languages"))
    return tasks


def _published(lang: str, value: float) -> Published:
    source = "gregor-ge/Babel-ImageNet, results/babel-imagenet/openclip-xlmrb-vitb32.json, prompt: label"
    return Published("OpenCLIP xlm-roberta-base-ViT-B-32 laion5b_s13b_b90k", lang, "R@1", value, source)


BABEL_IMAGENET = Benchmark(
    name="babel-imagenet",
    title="Babel-ImageNet",
    paper="2306.08658",
    task="zero-shot classification, multilingual",
    get=_GET,
    files=(
        File("|".join(_LABELS), "class indices and labels by language"),
        File("val", "ImageNet's validation pictures in 1,000 folders", pictures=True),
    ),
    layout="data and benchmark/data/babel_imagenet.py of gregor-ge/Babel-ImageNet",
    hit="the class of the picture scores best among the classes that the language names; R@1 is the accuracy",
    gallery="per language: the classes it names, asked with their pictures only (50 each)",
    prompts=f"the label alone, or the language's templates where {_PROMPTS} is there; their mean vector",
    metrics=("R@1", "R@5"),
    licence="labels: BabelNet's non-commercial licence; pictures: ImageNet's terms",
    read=_read,
    parsed="the released labels and prompts, whole",
    published=(_published("DE", 42.8), _published("ZH", 37.2), _published("SI", 3.0)),
    notes=(
        "the authors score English with OpenAI's own class names, so EN is not comparable with theirs",
        "the published numbers are those of the label alone: leave the prompts away for them",
    ),
)
