"""French: size before the noun, the rest after it; elision and contraction."""

from openitr.datasets.scenes.languages.grammar import Language, Noun

_NOUNS = """
circle m cercle cercles | square m carré carrés | triangle m triangle triangles | star f étoile étoiles
heart m cœur cœurs | ring m anneau anneaux | diamond m losange losanges | house f maison maisons
tree m arbre arbres | fish m poisson poissons | car f voiture voitures | cup f tasse tasses
flower f fleur fleurs | boat m bateau bateaux | cat m chat chats | bird m oiseau oiseaux
umbrella m parapluie parapluies | apple f pomme pommes | balloon m ballon ballons
butterfly m papillon papillons | key f clé clés | bell f cloche cloches | doll f poupée poupées
robot m robot robots | shirt f chemise chemises | bag m sac sacs | chair f chaise chaises | moon f lune lunes
thing f chose choses | roof m toit toits | sail f voile voiles | hat m chapeau chapeaux
"""
_WORDS = """
red rouge rouge rouges rouges | orange orange orange orange orange | yellow jaune jaune jaunes jaunes
green vert verte verts vertes | blue bleu bleue bleus bleues | purple violet violette violets violettes
pink rose rose roses roses | brown marron marron marron marron | black noir noire noirs noires
white blanc blanche blancs blanches | small petit petite petits petites | large grand grande grands grandes
plain uni unie unis unies | striped rayé rayée rayés rayées
"""
_ROWS = [entry.split() for line in _NOUNS.strip().splitlines() for entry in line.split("|")]
_ADJECTIVES = [entry.split() for line in _WORDS.strip().splitlines() for entry in line.split("|")]

FRENCH = Language(
    code="fr",
    nouns={kind: Noun(gender, {"1": one, "p": many}) for kind, gender, one, many in _ROWS},
    adjectives={word: {"m 1": m, "f 1": f, "m p": mp, "f p": fp, "m": m, "f": f} for word, m, f, mp, fp in _ADJECTIVES}
    | {"dotted": {"": "à pois"}},
    articles={
        "indef m": "un",
        "indef f": "une",
        "one m": "un",
        "one f": "une",
        "no m": "aucun",
        "no f": "aucune",
        "def m": "le",
        "def f": "la",
        "bare": "",
    },
    numerals=[{"": "aucun"}, {"m": "un", "f": "une"}]
    + [{"": n} for n in ("deux", "trois", "quatre", "cinq", "six", "sept", "huit")],
    phrase="{article} {size} {noun} {colour} {pattern} [avec {trim}]",
    relations={
        "left": "à gauche de {b}",
        "right": "à droite de {b}",
        "above": "au-dessus de {b}",
        "below": "au-dessous de {b}",
        "on": "posé<|e> sur {b}",
        "inside": "à l'intérieur de {b}",
        "front": "devant {b}",
        "behind": "derrière {b}",
        "bigger": "plus grand<|e> que {b}",
        "smaller": "plus petit<|e> que {b}",
        "nearest": "au plus près de {b}",
    },
    verbs={
        "left": "{a} va vers la gauche",
        "right": "{a} va vers la droite",
        "up": "{a} monte",
        "down": "{a} descend",
        "grow": "{a} grandit",
        "shrink": "{a} rétrécit",
        "jump": "{a} saute",
        "appear": "{a} apparaît",
        "vanish": "{a} disparaît",
    },
    sounds={
        "low": "un son grave retentit",
        "high": "un son aigu retentit",
        "rising": "un son montant retentit",
        "falling": "un son descendant retentit",
        "hiss": "on entend un souffle",
        "ticks": "on entend un tic-tac",
    },
    backgrounds={
        "plain": {"": "un mur nu"},
        "meadow": {"": "une prairie"},
        "sea": {"": "la mer"},
        "night": {"": "un ciel nocturne"},
        "room": {"": "une pièce"},
        "snow": {"": "un champ de neige"},
    },
    sentences={
        "trim": "{article} {noun} {colour}",
        "exists": "il y a {x}.",
        "none": "il n'y a {x:no}.",
        "one": "il y a exactement {x:one}.",
        "count": "il y a exactement {x}.",
        "related": "{a} est {rel}.",
        "unrelated": "{a:def} n'est pas {rel}.",
        "refer": "{a:def} {rel}",
        "background": "le fond est {bg}.",
        "recolour": "rends {a:def} {value}.",
        "resize": "rends {a:def} {value}.",
        "repattern": "rends {a:def} {value}.",
        "retrim": "rends {p:def} de {a:def} {value}.",
        "replace": "remplace {a:def} par {b}.",
        "add": "ajoute {x}.",
        "add near": "ajoute {x} {rel}.",
        "remove": "enlève {a:def}.",
        "move": "place {a:def} {rel}.",
        "swap": "échange {a:def} et {b:def}.",
        "set": "remplace le fond par {bg}.",
        "ask count": "combien de {x:bare p} y a-t-il ?",
        "ask exists": "y a-t-il {x} ?",
        "ask colour": "de quelle couleur est {x:def} ?",
        "ask size": "est-ce que {x:def} est petit<|e> ou grand<|e> ?",
        "ask pattern": "est-ce que {x:def} est uni<|e>, rayé<|e> ou à pois ?",
        "ask kind": "qu'est-ce qui est {rel} ?",
        "ask related": "est-ce que {a:def} est {rel} ?",
        "ask background": "quel est le fond ?",
    },
    words={"yes": "oui", "no": "non"},
    joins=(
        (r"\b([lL])[ea] (?=[aeiouéêàâîô])", r"\1'"),
        (r"\b([dD])e (?=[aeiouéêàâîô])", r"\1'"),
        (r"\b([qQ])ue (?=[aeiouéêàâîô])", r"\1u'"),
        (r"\bde le\b", "du"),
        (r"\bde les\b", "des"),
    ),
    last=" et ",
)
