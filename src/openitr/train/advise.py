"""From what a dataset is like to how to train on it: objective, batch, rates, what stays frozen, and why."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Any

from openitr.train.survey import Label, Survey

# Shares from which a property of the data changes the advice; ours, each with its ground in `advise`.
_REPEATS, _NOISY, _SEVERAL = 0.2, 0.1, 1.5
_GROUP = 4  # pictures per label value below which the groups are too small to share targets
_STEPS = 600  # of the optimiser: enough for projectors on every data set that they were tried on
_WHOLE_TOWERS = 50_000  # pictures from which tuning the towers themselves is worth a trial
# Wrong pairs spread evenly and right ones recognised add up to 1; where they do not, the judge is too weak to say.
_CLEAR = 0.9


@dataclass(frozen=True)
class Choice:
    """One setting and its ground.

    Args:
        option: Of ``openitr train``, without dashes.
        value: As it is typed.
        why: In a sentence that names the number it rests on.
    """

    option: str
    value: str
    why: str


@dataclass(frozen=True)
class Advice:
    """What :func:`advise` proposes.

    Args:
        survey: What it rests on.
        choices: The settings that differ from, or matter beside, the defaults.
        notes: What no setting can say.
        command: Ready to be run.
    """

    survey: Survey
    choices: tuple[Choice, ...]
    notes: tuple[str, ...]
    command: str

    def __getitem__(self, option: str) -> str:
        """The value proposed for one option."""
        return next(choice.value for choice in self.choices if choice.option == option)

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "survey": self.survey.to_json(),
            "advice": [vars(choice) for choice in self.choices],
            "notes": list(self.notes),
            "command": self.command,
        }


def advise(seen: Survey, *, data: str = "DATA", out: str = "mine") -> Advice:
    """Propose how to train on a surveyed dataset. The rules are ours; each names the number it rests on.

    Args:
        seen: What :func:`openitr.train.survey.survey` found.
        data: Where the data is, for the command.
        out: Folder of the model to be, for the command.

    >>> seen = Survey("pets", "en", 4000, 20000, 5, (10, 15), {"en": 4000}, shared_texts=0.01)
    >>> advice = advise(seen, data="pets")
    >>> advice["objective"], advice["texts"], advice["batch"]
    ('one-to-k', '0', '256')
    >>> advice.command
    'openitr train --data pets --model projector --objective one-to-k --texts 0 --batch 256 --rate 0.0014 --epochs 40 \
--patience 5 --out mine'
    """
    label = next((one for one in seen.labels if one.per_value >= _GROUP), None)
    batch = _batch(seen.pictures)
    choices = [_model(seen), *_objective(seen), *_pace(seen, batch)]
    if seen.lang != "en":
        choices.append(Choice("lang", seen.lang, f"the texts that were looked at are {seen.lang!r}"))
    words = ["openitr", "train", "--data", data]
    for choice in choices:
        words += [f"--{choice.option}", choice.value]
    return Advice(seen, tuple(choices), tuple(_notes(seen, label)), shlex.join([*words, "--out", out]))


def _model(seen: Survey) -> Choice:
    return Choice(
        "model",
        "projector",
        f"with {seen.pictures:,} pictures, both towers stay frozen and only two small nets on top learn: "
        "tuning whole towers wants more pairs, and a GPU"
        if seen.pictures < _WHOLE_TOWERS
        else "frozen towers first: it takes minutes and says what tuning whole towers has to beat",
    )


def _objective(seen: Survey) -> list[Choice]:
    if seen.noise is not None and seen.noise >= _NOISY and clear(seen):
        left = min(0.5, round(seen.noise, 1))
        why = f"up to {seen.noise:.0%} of the pairs look wrong: the {left:.0%} of a batch that fit worst are left out"
        return [Choice("objective", f"small-loss:share={left:g}", why)]
    share = f"{seen.shared_texts:.0%} of the pictures share a text with another picture"
    if seen.shared_texts >= _REPEATS:
        why = f"{share}: a part of the target goes to texts that say nearly the same"
        return [Choice("objective", "soft-context", why)]
    if seen.per_picture >= _SEVERAL:
        many = seen.most_texts <= 8
        said = f"{seen.per_picture:.1f} texts per picture on average"
        return [
            Choice("objective", "one-to-k", f"{said}: all of them are right at once, none is another's negative"),
            Choice(
                "texts",
                "0" if many else "8",
                "every text of a picture in every step" if many else f"up to {seen.most_texts} texts: 8 drawn per step",
            ),
        ]
    why = "one text per picture, and texts that differ: the plain contrast of pairs"
    return [Choice("objective", "info-nce", why)]


def clear(seen: Survey) -> bool:
    """Whether the judge understands enough of these pairs for its estimate of the noise to mean something."""
    return seen.noise is not None and seen.known is not None and seen.noise + seen.known >= _CLEAR


def _batch(pictures: int) -> int:
    """The largest power of two at or below an eighth of the pictures, 16 to 512."""
    return min(512, max(16, 1 << (max(1, pictures // 8).bit_length() - 1)))


def _pace(seen: Survey, batch: int) -> list[Choice]:
    per_epoch = max(1, seen.pictures // batch)
    epochs = min(60, max(10, round(_STEPS / per_epoch)))
    rate = float(f"{1e-3 * (batch / 128) ** 0.5:.2g}")
    return [
        Choice("batch", str(batch), f"more pictures in a step are more negatives; {per_epoch} steps make an epoch"),
        Choice(
            "rate", f"{rate:g}", "0.001 suits projectors at 128 pictures a step; it grows with the root of the batch"
        ),
        Choice("epochs", str(epochs), f"{per_epoch} steps an epoch, about {epochs * per_epoch:,} in all"),
        Choice("patience", "5", "stop when retrieval on what is held out has not risen for five epochs"),
    ]


def _notes(seen: Survey, label: Label | None) -> list[str]:
    found = []
    if seen.noise is not None and seen.known is not None:
        if not clear(seen):
            found.append(
                f"the judge {seen.judge!r} recognises the text of {seen.known:.0%} of the pictures (5% by chance): too "
                "few to tell wrong pairs from pictures or words that are strange to it"
            )
        elif seen.noise >= _NOISY:
            found.append(
                f"about {seen.noise:.0%} of the pairs seem wrong: look at some of them, and compare with the plain "
                "--objective info-nce on what is held out"
            )
    if seen.same_pictures > 0.02:
        found.append(
            f"{seen.same_pictures:.0%} of the pictures that were read are exact copies of another: merge them, or they "
            "are each other's negatives and may stand on both sides of the split"
        )
    if seen.unreadable > 0:
        found.append(
            f"{seen.unreadable:.0%} of the pictures that were read cannot be decoded; training leaves them out"
        )
    if seen.words[1] > 60:
        found.append(
            f"long texts ({seen.words[1]:.0f} words at the 95th percentile): what exceeds the tower's window is cut"
        )
    others = {code: n for code, n in seen.languages.items() if code != seen.lang and n >= seen.pictures / 2}
    if others:
        named = ", ".join(list(others)[:6]) + (", ..." if len(others) > 6 else "")
        found.append(
            f"there are texts in {len(others)} more languages ({named}); a training learns one, which --lang names"
        )
    if label is not None:
        found.append(
            f"if naming the {label.field!r} of a picture matters more than finding the one picture: "
            f"--objective scold --label {label.field}"
        )
    if seen.pictures >= _WHOLE_TOWERS:
        found.append(
            "with so many pairs, compare with tuning a whole model: --model transformers:NAME --rate 1e-5, on a GPU"
        )
    if seen.pictures < 200:
        found.append(
            f"{seen.pictures} pictures are few: the shipped model as it is may be as good; compare with openitr eval"
        )
    return found
