"""Wording: nothing is missing in any language, and agreement is right in examples written by hand."""

from __future__ import annotations

import re

import pytest

from openitr.datasets.scenes import (
    ACTIONS,
    COLOURS,
    KINDS,
    LANGUAGES,
    PATTERNS,
    RELATIONS,
    SIZES,
    SOUNDS,
    VERBS,
    All,
    Backdrop,
    Change,
    Count,
    Exists,
    Language,
    Not,
    Question,
    Related,
    Statement,
    What,
    World,
    captions,
    instruction,
    say,
    word,
)
from openitr.datasets.scenes.artwork import TRIMMED
from openitr.datasets.scenes.backdrops import BACKGROUNDS
from openitr.datasets.scenes.languages.grammar import choose
from openitr.datasets.scenes.questions import wording, wording_of_answer
from openitr.errors import InputError

ALL = list(LANGUAGES.values())


@pytest.mark.parametrize("language", ALL, ids=lambda language: language.code)
def test_no_language_lacks_an_entry(language: Language) -> None:
    english = LANGUAGES["en"]
    assert set(language.nouns) == set(english.nouns) == {*KINDS, "thing", "roof", "sail", "hat"}
    assert set(language.adjectives) == {*COLOURS, *PATTERNS, *SIZES}
    assert set(language.relations) == set(RELATIONS)
    assert set(language.verbs) == set(VERBS)
    assert set(language.sounds) == set(SOUNDS)
    assert set(language.backgrounds) == set(BACKGROUNDS)
    assert set(language.sentences) == set(english.sentences) >= set(ACTIONS) - {"add near"}
    assert set(language.words) == {"yes", "no"} and len(language.numerals) == 9


@pytest.mark.parametrize("language", ALL, ids=lambda language: language.code)
def test_no_two_forms_fit_equally_well(language: Language) -> None:
    tables = [language.articles, language.endings, language.prefix, *language.numerals, *language.adjectives.values()]
    tables += [noun.forms for noun in language.nouns.values()]
    articles = ("indef", "def", "no", "num", "bare", "one")
    for forms in tables:
        for article in articles:
            for case in ("nom", "acc", "dat"):
                for gender in {noun.gender for noun in language.nouns.values()}:
                    for number in ("1", "2", "p") if language.dual else ("1", "p"):
                        predicate = article == "indef" and case == "nom"
                        for extra in ((), ("pred",), ("pred", "made")) if predicate else ((),):
                            features = frozenset({article, case, gender, number, *extra})
                            fit = [k for k in forms if features.issuperset(k.split())]
                            best = max((len(k.split()) for k in fit), default=-1)
                            tied = {forms[k] for k in fit if len(k.split()) == best}
                            if fit:
                                assert len(tied) == 1, (features, fit)
                                assert choose(forms, features) in tied


def _statements() -> list[Statement]:
    found: list[Statement] = [Backdrop(b) for b in BACKGROUNDS]
    for kind in KINDS:
        for i, colour in enumerate(COLOURS):
            what = What(kind, colour, list(SIZES)[i % 2], PATTERNS[i % 3], COLOURS[i - 1] if kind in TRIMMED else None)
            found += [Exists(what), Count(what, i % 9), Not(Exists(what))]
            found.append(Related(RELATIONS[i % len(RELATIONS)], what, What(KINDS[(i * 7) % len(KINDS)])))
    found += [Not(Related(name, What("cat"), What("car"))) for name in RELATIONS]
    return found


@pytest.mark.parametrize("code", list(LANGUAGES))
def test_every_statement_has_clean_words_of_its_own(code: str) -> None:
    texts: dict[str, Statement] = {}
    for statement in _statements():
        text = say(statement)[code]
        assert not re.search(r"[{}<>|\[\]~]|  | [.,。]|^\s|\s$", text), text
        # "No cat" and "zero cats" are one sentence; everything else has to differ.
        same = texts.setdefault(text, statement)
        assert same == statement or isinstance(same, Count) or isinstance(statement, Count | Not), (same, statement)
        latin = len(re.findall(r"[A-Za-z]", text))
        assert (latin > 0) == (code in ("en", "de", "fr")), text


HAND: list[tuple[Statement, str, str]] = [
    (Exists(What("umbrella", "orange")), "en", "There is an orange umbrella."),
    (Count(What("butterfly", "blue"), 3), "en", "There are exactly three blue butterflies."),
    (Not(Exists(What("apple", "green"))), "de", "Es gibt keinen grünen Apfel."),
    (
        Exists(What("house", "white", "small", None, "red")),
        "de",
        "Es gibt ein kleines weißes Haus mit einem roten Dach.",
    ),
    (Related("left", What("apple", "red"), What("heart")), "de", "Ein roter Apfel ist links von einem Herzen."),
    (Count(What("cat", "black"), 2), "de", "Es gibt genau zwei schwarze Katzen."),
    (Not(Related("on", What("bird"), What("square"))), "de", "Der Vogel ist nicht auf dem Quadrat."),
    (Exists(What("star", "white", "large")), "fr", "Il y a une grande étoile blanche."),
    (Count(What("boat", "green"), 4), "fr", "Il y a exactement quatre bateaux verts."),
    (Related("right", What("cat"), What("tree")), "fr", "Un chat est à droite d'un arbre."),
    (Not(Related("left", What("star"), What("robot"))), "fr", "L'étoile n'est pas à gauche du robot."),
    (Related("bigger", What("apple"), What("umbrella")), "fr", "Une pomme est plus grande qu'un parapluie."),
    (Not(Exists(What("apple", "green"))), "fr", "Il n'y a aucune pomme verte."),
    (Count(What("cat", "black"), 2), "zh", "正好有两只黑色的猫。"),
    (Exists(What("fish", "red", "small", "striped")), "zh", "有一条红色条纹的小鱼。"),
    (Related("left", What("cat"), What("house")), "zh", "一只猫在一座房子的左边。"),
    (Exists(What("house", "red")), "ar", "يوجد بيت أحمر."),
    (Exists(What("car", "red")), "ar", "توجد سيارة حمراء."),
    (Count(What("star", "white"), 2), "ar", "توجد نجمتان بيضاوان بالضبط."),
    (Count(What("house", "red"), 3), "ar", "يوجد ثلاثة بيوت حمراء بالضبط."),
    (Count(What("car", "red"), 3), "ar", "توجد ثلاث سيارات حمراء بالضبط."),
    (Not(Related("left", What("car", "red"), What("house"))), "ar", "السيارة الحمراء ليست على يسار البيت."),
    (All((Exists(What("cat")), Count(What("key"), 2)), listed=True), "en", "A cat and two keys"),
]


@pytest.mark.parametrize(
    ("statement", "code", "text"), HAND, ids=[f"{code}-{i}" for i, (_, code, _) in enumerate(HAND)]
)
def test_agreement(statement: Statement, code: str, text: str) -> None:
    assert say(statement)[code] == text


def test_instructions_and_questions() -> None:
    painted = instruction(Change("recolour", What("house", size="small"), "green"))
    assert painted["de"] == "Mach das kleine Haus grün."
    assert painted["fr"] == "Rends la petite maison verte."
    assert painted["ar"] == "اجعل البيت الصغير أخضر."
    moved = instruction(Change("move", What("bird", "red"), relation="above", other=What("tree")))
    assert moved["de"] == "Platziere den roten Vogel über dem Baum."
    assert moved["zh"] == "把红色的鸟放在树的上方。"
    roof = instruction(Change("retrim", What("house"), "blue"))
    assert roof["en"] == "Make the roof of the house blue." and roof["fr"] == "Rends le toit de la maison bleu."
    assert roof["ar"] == "اجعل سقف البيت أزرق."
    many = wording(Question("count", What("star")))
    assert many["fr"] == "Combien d'étoiles y a-t-il ?" and many["zh"] == "有几颗星星？"
    assert many["de"] == "Wie viele Sterne gibt es?"
    assert word("white", What("star")) == {"en": "white", "de": "weiß", "fr": "blanche", "zh": "白色", "ar": "بيضاء"}
    assert wording_of_answer(Question("exists"), "no")["ar"] == "لا"


def test_long_captions_are_long_and_short_ones_short() -> None:
    long = [len(captions(World(things=(4, 5)).sample(seed))[2].texts["en"].split()) for seed in range(20)]
    short = [len(captions(World(things=(2, 3)).sample(seed))[0].texts["en"].split()) for seed in range(20)]
    assert min(long) >= 40 and max(short) <= 14


def test_counts_without_a_word_are_refused() -> None:
    with pytest.raises(InputError, match="8 at most"):
        say(Count(What("cat"), 9))
