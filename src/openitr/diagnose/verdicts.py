"""From measurements to findings in plain words.

The limits between "fine", "mind" and "bad" are ours: where a user would notice. Each stands where it is used.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from openitr.diagnose.association import CABReport
from openitr.diagnose.finding import Finding, Level, Table, percent
from openitr.diagnose.gap import ModalityGap
from openitr.diagnose.hubs import Cure
from openitr.diagnose.source import SourceReport
from openitr.diagnose.strata import Stratum
from openitr.diagnose.words import Choice, WordOrder
from openitr.search.suggest import foreign

_GRADED = "true caption against"


def on_gap(gap: ModalityGap, pictures: int) -> Finding:
    """Modality gap: bad where a mixed collection answers words with texts, whatever the pictures show."""
    closed = gap.texts_first - gap.texts_first_centred
    level: Level = "fine" if gap.texts_first < 0.5 else "mind" if gap.texts_first < 0.95 else "bad"
    title = {
        "fine": "Pictures and texts can stand in one collection.",
        "mind": "In a collection of pictures and texts, texts often push ahead of pictures.",
        "bad": "Pictures and texts must not be mixed in one collection: texts always come first.",
    }[level]
    cure = (
        f"Taking each side's mean away would help: {percent(gap.texts_first_centred)} then."
        if closed > 0.1
        else "Taking each side's mean away does not help here."
    )
    means = (
        f"With {pictures} pictures and as many texts of other pictures in one index, {percent(gap.texts_first)} of "
        "questions in words are answered by a text first. Searching pictures alone is not touched. A text agrees with "
        f"its own picture at {gap.own:.2f} and with a wrong one at {gap.other:.2f}, but two unrelated texts agree at "
        f"{gap.texts:.2f} and two unrelated pictures at {gap.pictures:.2f}."
    )
    do = f"Keep pictures and texts in indexes of their own and merge by rank. {cure}" if level != "fine" else ""
    rows = [
        ["distance between the two means", f"{gap.distance:.2f}"],
        ["told apart by a straight cut", percent(gap.separable)],
        ["right picture first, as it is", percent(gap.recall)],
        ["right picture first, means taken away", percent(gap.recall_centred)],
        ["dimensions in use, pictures", f"{gap.rank_pictures:.0f}"],
        ["dimensions in use, texts", f"{gap.rank_texts:.0f}"],
    ]
    number = f"distance {gap.distance:.2f} between the mean picture and the mean text (0 would be none)"
    return Finding("modality-gap", title, level, number, means, do, vars(gap), [Table(["", ""], rows)])


def on_hubs(cures: Sequence[Cure]) -> Finding:
    """Hubs: bad where the most frequent picture takes part in a fifth of all answers."""
    bare = cures[0]
    best = max(cures[1:], key=lambda cure: cure.recall)
    gain = best.recall - bare.recall
    level: Level = "fine" if bare.hubness.skew < 1 else "mind" if bare.hubness.most < 0.2 else "bad"
    if level == "fine" and gain > 0.01:
        level = "mind"
    title = {
        "fine": "No picture crowds the others out.",
        "mind": "Some pictures come up for questions that they do not answer.",
        "bad": "A few pictures come up for almost everything.",
    }[level]
    means = (
        f"Of the first {bare.hubness.k} places, the most frequent picture takes one in {percent(bare.hubness.most)} of "
        f"the questions; {percent(bare.hubness.antihubs)} of the pictures are never found by any."
    )
    do = ""
    if gain > 0.01:
        means += f" The cure {best.name} puts the right picture first {100 * gain:.1f} points more often."
        do = (
            f'Put the stage openitr.search.Level(index, bank, Unhub("{best.name}")) into the pipeline, with a few '
            "hundred questions of the kind that people ask as the bank; texts foreign to the collection help little."
        )
    rows = [
        [
            cure.name,
            f"{cure.hubness.skew:.2f}",
            percent(cure.hubness.antihubs),
            percent(cure.hubness.most),
            f"{100 * cure.recall:.1f} %",
        ]
        for cure in cures
    ]
    table = Table(["cure", "skew", "never found", "most frequent", "right picture first"], rows)
    measured = {f"{c.name} {name}": float(value) for c in cures for name, value in vars(c.hubness).items()}
    measured |= {f"{c.name} recall@1": c.recall for c in cures}
    return Finding("hubs", title, level, f"skew {bare.hubness.skew:.2f} (0 is even)", means, do, measured, [table])


def on_words(order: WordOrder) -> Finding:
    """Word order: bad below 65 % of true captions over ones with two words exchanged; 50 % is a coin."""
    share, error = order.swapped.right, order.swapped.error
    level: Level = "fine" if share >= 0.85 else "mind" if share >= 0.65 else "bad"
    title = {
        "fine": "It reads sentences, not bags of words.",
        "mind": "It reads word order, but not reliably.",
        "bad": "It reads captions much like bags of words: who does what to whom is mostly lost.",
    }[level]
    means = (
        f"Shown a picture, it prefers the true caption over one with two words exchanged in {percent(share)} of cases "
        f"(plus or minus {100 * 1.96 * error:.0f}; a coin gives 50 %). With one word replaced by a wrong one it is "
        f"{percent(order.replaced.right)}: that is how much the words themselves tell it."
    )
    do = (
        "Do not rely on it for “A left of B” or “a man bitten by a dog”. Rerank the first hits with a model that looks "
        "at picture and text together, or train with exchanged words as hard negatives."
        if level != "fine"
        else ""
    )
    rows = [
        [f"{_GRADED} {what}", percent(c.right), f"± {100 * 1.96 * c.error:.0f}", str(c.pairs)]
        for what, c in (
            ("one word replaced", order.replaced),
            ("all words shuffled", order.shuffled),
            ("two words exchanged", order.swapped),
        )
    ]
    examples = [[true, false] for true, false in order.examples]
    measured = {
        "swapped": share,
        "shuffled": order.shuffled.right,
        "replaced": order.replaced.right,
        "likeness": order.likeness,
        "pairs": float(order.swapped.pairs),
    }
    tables = [Table(["", "true one wins", "", "pairs"], rows), Table(["true", "two words exchanged"], examples)]
    return Finding("word-order", title, level, f"{percent(share)} right, 50 % is a coin", means, do, measured, tables)


def on_scenes(changes: Mapping[str, Choice]) -> Finding:
    """Drawn scenes: only where it recognises the things at all do the other changes say something about sentences."""
    control = changes["object"].right if "object" in changes else 0.5
    rest = {kind: c for kind, c in changes.items() if kind not in ("object", "attribute")}
    worst = min(rest, key=lambda kind: rest[kind].right) if rest else "object"
    rows = [[kind, percent(c.right), f"± {100 * 1.96 * c.error:.0f}", str(c.pairs)] for kind, c in changes.items()]
    measured = {kind: c.right for kind, c in changes.items()}
    table = Table(["what was changed", "true one wins", "", "pairs"], rows)
    if control < 0.7:
        return Finding(
            "scenes",
            "It does not know drawn scenes well enough to be asked about composition with them.",
            "open",
            f"{percent(control)} right when one thing is replaced by another, 50 % is a coin",
            "Simple drawings are foreign to it, so what it does with relations and counts cannot be told from them. "
            "Expect poor answers on icons and diagrams.",
            "Judge composition by the captions of photographs above; train on drawings if yours are drawings.",
            measured,
            [table],
        )
    level: Level = "fine" if rest[worst].right >= 0.85 else "mind" if rest[worst].right >= 0.65 else "bad"
    title = {
        "fine": "It understands what is said of two things.",
        "mind": f"It knows things in drawings, but is unsure when it comes to {worst}.",
        "bad": f"It knows things in drawings, but not what is said of them: {worst} is near a coin's toss.",
    }[level]
    means = (
        f"It picks the true sentence in {percent(control)} when a thing is replaced, and in "
        f"{percent(rest[worst].right)} for {worst}."
    )
    do = "Check relations, counts and negations with a reranker or a question-answering model." * (level != "fine")
    number = f"{percent(rest[worst].right)} right at worst, 50 % is a coin"
    return Finding("scenes", title, level, number, means, do, measured, [table])


def on_association(reports: Mapping[str, CABReport], colours: int) -> Finding:
    """Concept association bias: told only where the colour of a single thing is read at all."""
    single, natural = reports["single"], reports["natural"]
    rows = [[name, percent(r.hit), percent(r.swap), f"{r.score:.2f}", str(r.questions)] for name, r in reports.items()]
    table = Table(["pictures", "own colour", "the other thing's", "score", "questions"], rows)
    measured = {f"{name} {what}": getattr(r, what) for name, r in reports.items() for what in ("hit", "swap", "score")}
    if single.hit < 3 / colours:
        return Finding(
            "concept-association",
            "It hardly reads colours in drawings, so mixing them up between things cannot be told.",
            "open",
            f"{percent(single.hit)} right about one thing alone; guessing gives {percent(1 / colours)}",
            "Asked for the colour of the only thing in a drawing, it mostly guesses.",
            "Do not search by colour words in drawings; filter by colour histogram or metadata instead.",
            measured,
            [table],
        )
    level: Level = "fine" if natural.score < 0.4 else "mind" if natural.score <= 0.6 else "bad"
    title = {
        "fine": "It keeps colours with the things they belong to.",
        "mind": "With two things in the picture it cannot say which colour belongs to which.",
        "bad": "It answers with the other thing's colour (concept association bias).",
    }[level]
    means = (
        f"Asked for the colour of one of two things, it names that thing's colour in {percent(natural.hit)} and the "
        f"other thing's in {percent(natural.swap)} of cases."
    )
    do = "Ask for one thing at a time, or crop things out before asking about their attributes." * (level != "fine")
    number = f"score {natural.score:.2f} (0 binds, 0.5 no preference, 1 always the other one)"
    return Finding("concept-association", title, level, number, means, do, measured, [table])


def on_source(report: SourceReport) -> Finding:
    """Source bias, on smooth twins as a stand-in: mind from 10 % of Delta on, bad from 40 %, towards the twins."""
    delta, first = report.delta["nDCG"], report.twin_first
    level: Level = "fine" if abs(delta) < 10 else "mind" if abs(delta) < 40 or delta > 0 else "bad"
    title = {
        "fine": "Smooth copies of pictures rank where their originals do.",
        "mind": "Smooth copies of pictures rank below their originals."
        if delta > 0
        else "Smooth copies of pictures rank somewhat above their originals.",
        "bad": "Smooth copies of pictures rank well above their originals.",
    }[level]
    means = (
        "Pictures without their finest detail stand in for generated or heavily processed ones. In "
        f"{percent(first)} of questions the copy comes before the original. Searched by themselves, originals are "
        f"found first in {percent(report.alone_real['R@1'])} and copies in {percent(report.alone_generated['R@1'])}."
    )
    do = {
        "fine": "",
        "mind": "Index originals rather than thumbnails or upscaled copies.",
        "bad": "Expect generated pictures to crowd out photographs; train with SourceDebiasLoss on twins of your own.",
    }[level]
    rows = [
        [name, percent(report.real[name]), percent(report.generated[name]), f"{report.delta[name]:+.0f} %"]
        for name in report.delta
    ]
    table = Table(["mixed pool", "originals right", "copies right", "Delta"], rows)
    measured = {"twin first": first} | {f"Delta {name}": value for name, value in report.delta.items()}
    number = f"Delta {delta:+.0f} % by nDCG (below zero favours the copies)"
    return Finding("source-bias", title, level, number, means, do, measured, [table])


def on_strata(key: str, what: str, groups: Sequence[Stratum], do: str) -> Finding:
    """Gaps between groups: judged by the worst against the best, mind from a fifth of the best on, bad from half."""
    best, worst = max(groups, key=lambda g: g.recall_5), min(groups, key=lambda g: g.recall_5)
    lost = best.recall_5 - worst.recall_5
    noise = 1.96 * (best.error**2 + worst.error**2) ** 0.5
    share = lost / best.recall_5 if best.recall_5 else 0.0
    level: Level = "fine" if lost <= noise or share < 0.2 else "mind" if share < 0.5 else "bad"
    rows = [
        [g.name, percent(g.recall_1), percent(g.recall_5), f"± {100 * 1.96 * g.error:.0f}", str(g.queries)]
        for g in groups
    ]
    table = Table([what, "first", "in the first five", "", "questions"], rows)
    measured = {f"{g.name} {name}": getattr(g, name) for g in groups for name in ("recall_1", "recall_5", "queries")}
    title = {
        "fine": f"It finds about as much whatever the {what}.",
        "mind": f"What it finds depends on the {what}.",
        "bad": f"What it finds depends very much on the {what}: {best.name} works, {worst.name} does not.",
    }[level]
    means = (
        f"The right picture is among the first five in {percent(best.recall_5)} for {best.name}, and in "
        f"{percent(worst.recall_5)} for {worst.name}; differences below {100 * noise:.0f} points are chance."
    )
    number = f"{100 * lost:.0f} points between {best.name} and {worst.name}"
    return Finding(key, title, level, number, means, do if level != "fine" else "", measured, [table])


def on_tongue(texts: Sequence[str], spec: str) -> Finding | None:
    """The language of the texts: bad where the model was not made for it; None where it was, or nobody can tell.

    From half of the texts on: of single sentences, one in ten to one in four is not recognised as German, French or
    Czech, and none of 800 English ones is taken for anything else.

    >>> found = on_tongue(["ein Hund am Strand", "eine Frau mit einem Hut"], "default")
    >>> found.title, found.number
    ('Its questions are German, which the model default was not made for.', '2 of 2 texts look German')
    >>> on_tongue(["a dog on the beach"], "default"), on_tongue(["ein Hund am Strand"], "multilingual")
    (None, None)
    """
    seen = [found for text in texts if (found := foreign(text, spec))]
    if not seen or 2 * (most := Counter(one.language for one in seen).most_common(1)[0])[1] < len(texts):
        return None
    language, count = most
    strange = next(one for one in seen if one.language == language)
    if strange.reader is None:
        do = "Ask in English, or take another model: `openitr models` lists those there are."
    elif spec == "default":
        do = (
            f"Ask with `openitr search C WORDS --model {strange.reader}`: the pictures need not be indexed again. "
            f"`openitr diagnose {strange.reader}` says what that model gets wrong."
        )
    else:
        do = f"Index with `openitr reindex C --model {strange.reader}`."
    return Finding(
        "tongue",
        f"Its questions are {language}, which the model {spec} was not made for.",
        "bad",
        f"{count} of {len(texts)} texts look {language}",
        f"Read what is said of words below with that in mind: {strange.sentence.partition('; ')[2]}.",
        do,
        {"texts": float(len(texts)), language: float(count)},
    )
