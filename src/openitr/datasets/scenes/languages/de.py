"""German: three genders, three cases, endings by article."""

from openitr.datasets.scenes.languages.grammar import Language, Noun

_NOUNS = """
circle m Kreis Kreise | square n Quadrat Quadrate | triangle n Dreieck Dreiecke | star m Stern Sterne
ring m Ring Ringe | diamond f Raute Rauten | house n Haus Häuser | tree m Baum Bäume | fish m Fisch Fische
car n Auto Autos | cup f Tasse Tassen | flower f Blume Blumen | boat n Boot Boote | cat f Katze Katzen
bird m Vogel Vögel | umbrella m Regenschirm Regenschirme | apple m Apfel Äpfel | balloon m Luftballon Luftballons
butterfly m Schmetterling Schmetterlinge | key m Schlüssel Schlüssel | bell f Glocke Glocken
doll f Puppe Puppen | robot m Roboter Roboter | shirt n Hemd Hemden | bag f Tasche Taschen
chair m Stuhl Stühle | moon m Mond Monde | thing n Ding Dinge | roof n Dach Dächer | sail n Segel Segel
hat m Hut Hüte
"""
_WORDS = {
    "red": "rot",
    "orange": "orangefarben",
    "yellow": "gelb",
    "green": "grün",
    "blue": "blau",
    "purple": "violett",
    "pink": "rosafarben",
    "brown": "braun",
    "black": "schwarz",
    "white": "weiß",
    "small": "klein",
    "large": "groß",
    "plain": "einfarbig",
    "striped": "gestreift",
    "dotted": "gepunktet",
}
_ROWS = [entry.split() for line in _NOUNS.strip().splitlines() for entry in line.split("|")]
_EIN = {"m": "", "n": "", "f": "e", "acc m": "en", "dat m": "em", "dat n": "em", "dat f": "er"}

GERMAN = Language(
    code="de",
    nouns={kind: Noun(gender, {"1": one, "p": many}) for kind, gender, one, many in _ROWS}
    | {"heart": Noun("n", {"1": "Herz", "1 dat": "Herzen", "p": "Herzen"})},
    adjectives={word: {"": german} for word, german in _WORDS.items()},
    articles={
        **{f"indef {key}": "ein" + ending for key, ending in _EIN.items()},
        **{f"one {key}": "ein" + ending for key, ending in _EIN.items()},
        **{f"no {key}": "kein" + ending for key, ending in _EIN.items()},
        "def m": "der",
        "def n": "das",
        "def f": "die",
        "def acc m": "den",
        "def dat m": "dem",
        "def dat n": "dem",
        "def dat f": "der",
        "bare": "",
    },
    endings={
        **{
            f"{article} {key}": ending
            for article in ("indef", "one", "no")
            for key, ending in {
                "m": "er",
                "n": "es",
                "f": "e",
                "acc m": "en",
                "dat m": "en",
                "dat n": "en",
                "dat f": "en",
            }.items()
        },
        "def": "e",
        "def acc m": "en",
        "def dat": "en",
        "num": "e",
        "bare": "e",
        "indef pred m": "",
        "indef pred n": "",
        "indef pred f": "",
    },
    numerals=[{"": n} for n in ("keine", "ein", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht")],
    phrase="{article} {size} {colour} {pattern} {noun} [mit {trim}]",
    relations={
        "left": "links von {b:dat}",
        "right": "rechts von {b:dat}",
        "above": "über {b:dat}",
        "below": "unter {b:dat}",
        "on": "auf {b:dat}",
        "inside": "innerhalb von {b:dat}",
        "front": "vor {b:dat}",
        "behind": "hinter {b:dat}",
        "bigger": "größer als {b}",
        "smaller": "kleiner als {b}",
        "nearest": "am nächsten bei {b:dat}",
    },
    verbs={
        "left": "{a} bewegt sich nach links",
        "right": "{a} bewegt sich nach rechts",
        "up": "{a} bewegt sich nach oben",
        "down": "{a} bewegt sich nach unten",
        "grow": "{a} wird größer",
        "shrink": "{a} wird kleiner",
        "jump": "{a} springt",
        "appear": "{a} erscheint",
        "vanish": "{a} verschwindet",
    },
    sounds={
        "low": "ein tiefer Ton erklingt",
        "high": "ein hoher Ton erklingt",
        "rising": "ein steigender Ton erklingt",
        "falling": "ein fallender Ton erklingt",
        "hiss": "ein Rauschen ist zu hören",
        "ticks": "ein Ticken ist zu hören",
    },
    backgrounds={
        "plain": {"": "eine leere Wand", "dat": "einer leeren Wand"},
        "meadow": {"": "eine Wiese", "dat": "einer Wiese"},
        "sea": {"": "das Meer", "dat": "dem Meer"},
        "night": {"": "ein Nachthimmel", "dat": "einem Nachthimmel"},
        "room": {"": "ein Zimmer", "dat": "einem Zimmer"},
        "snow": {"": "ein Schneefeld", "dat": "einem Schneefeld"},
    },
    sentences={
        "trim": "{article} {colour} {noun}",
        "exists": "es gibt {x:acc}.",
        "none": "es gibt {x:no acc}.",
        "one": "es gibt genau {x:one acc}.",
        "count": "es gibt genau {x:acc}.",
        "related": "{a} ist {rel}.",
        "unrelated": "{a:def} ist nicht {rel}.",
        "refer": "{a:def} {rel}",
        "background": "der Hintergrund ist {bg}.",
        "recolour": "mach {a:def acc} {value}.",
        "resize": "mach {a:def acc} {value}.",
        "repattern": "mach {a:def acc} {value}.",
        "retrim": "mach {p:def acc} von {a:def dat} {value}.",
        "replace": "ersetze {a:def acc} durch {b:acc}.",
        "add": "füge {x:acc} hinzu.",
        "add near": "füge {rel} {x:acc} hinzu.",
        "remove": "entferne {a:def acc}.",
        "move": "platziere {a:def acc} {rel}.",
        "swap": "vertausche {a:def acc} und {b:def acc}.",
        "set": "ändere den Hintergrund zu {bg:dat}.",
        "ask count": "wie viele {x:bare p} gibt es?",
        "ask exists": "gibt es {x:acc}?",
        "ask colour": "welche Farbe hat {x:def}?",
        "ask size": "ist {x:def} klein oder groß?",
        "ask pattern": "ist {x:def} einfarbig, gestreift oder gepunktet?",
        "ask kind": "was ist {rel}?",
        "ask related": "ist {a:def} {rel}?",
        "ask background": "was ist der Hintergrund?",
    },
    words={"yes": "ja", "no": "nein"},
    joins=((r"\bvon dem\b", "vom"), (r"\bbei dem\b", "beim")),
    last=" und ",
)
