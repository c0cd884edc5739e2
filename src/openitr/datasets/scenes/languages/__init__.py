"""The languages that scenes are told in: one grammar, a table each. Add one by adding its table here."""

from openitr.datasets.scenes.languages.ar import ARABIC
from openitr.datasets.scenes.languages.de import GERMAN
from openitr.datasets.scenes.languages.en import ENGLISH
from openitr.datasets.scenes.languages.fr import FRENCH
from openitr.datasets.scenes.languages.grammar import Language
from openitr.datasets.scenes.languages.zh import CHINESE

LANGUAGES: dict[str, Language] = {language.code: language for language in (ENGLISH, GERMAN, FRENCH, CHINESE, ARABIC)}

__all__ = ["LANGUAGES", "Language"]
