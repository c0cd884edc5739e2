"""Which language a query seems to be in, by its letters and its commonest words (ours).

It is for a hint and no more: queries are short, and a name is no language. It says something only where the letters
leave no doubt, or where words of one language stand in the query that English has not.
"""

from __future__ import annotations

import unicodedata
from collections import Counter

from openitr.search.forms import words_of

# Unicode's own names of letters begin with their script.
_SCRIPTS = {
    "CJK": "Chinese or Japanese",
    "HIRAGANA": "Japanese",
    "KATAKANA": "Japanese",
    "HANGUL": "Korean",
    "CYRILLIC": "a language in Cyrillic letters",
    "ARABIC": "a language in Arabic letters",
    "HEBREW": "Hebrew",
    "GREEK": "Greek",
    "THAI": "Thai",
    "DEVANAGARI": "a language in Devanagari",
    "BENGALI": "Bengali",
    "TAMIL": "Tamil",
    "GEORGIAN": "Georgian",
    "ARMENIAN": "Armenian",
    "ETHIOPIC": "a language in Ethiopic letters",
}
# Function words, colours and what people often search; none is an English word.
_WORDS = {
    "German": "der das ein eine einen einem einer und auf mit im vor zwei drei hund hunde katze kind kinder frau mann "
    "junge mädchen strand schnee wiese rot rotes rote roter blau grün gelb schwarz schwarzer weiß spielt springt läuft "
    "haus berge wasser pferd vogel am ins zum vom beim über unter neben hinter trägt sitzt steht sind sein seine ihre "
    "ihren gras springen spielen laufen leute menschen gruppe straße wald berg",
    "French": "le la les une des du dans sur avec et au aux deux trois chien chiens chat enfant enfants homme femme "
    "garçon fille plage neige herbe rouge bleu vert jaune noir blanc eau maison montagne cheval oiseau qui court joue",
    "Spanish": "el los las una unos unas del con en y dos tres perro perros gato niño niña niños hombre mujer playa "
    "nieve hierba rojo roja azul verde amarillo negro blanco agua montaña caballo pájaro corriendo jugando",
    "Italian": "il lo gli una uno del della nel nella con su e due tre cane cani gatto bambino bambini uomo donna "
    "ragazzo ragazza spiaggia erba rosso rossa blu giallo nero bianco acqua casa montagna cavallo uccello",
    "Portuguese": "o os as um uma uns umas do da dos das na nas com e dois três cachorro cão gato criança crianças "
    "homem mulher menino menina praia neve grama vermelho vermelha azul preto branco água montanha cavalo pássaro",
    "Dutch": "het een en met op twee drie hond honden kat kind kinderen vrouw jongen meisje strand sneeuw "
    "rood rode blauw groen geel zwart zwarte wit witte huis bergen paard vogel speelt springt",
    "Turkish": "bir ve ile iki üç köpek kedi çocuk çocuklar adam kadın kız erkek plaj kar kırmızı mavi yeşil siyah "
    "beyaz su ev dağ at kuş",
    "Czech": "na se je ve při přes před dva dvě tři pes psi kočka dítě děti muž muži žena ženy lidé lidí chlapec "
    "dívka pláž pláži sníh sněhu tráva trávě červený červené modrý modré zelený černý bílý bílé voda vody vodě "
    "dům hora hory kůň pták běží skáče stojí sedí hraje hrají jde skupina mladý mladá malý malá",
    "Polish": "i na w z dwa trzy pies psy kot dziecko dzieci mężczyzna kobieta chłopiec dziewczynka plaża śnieg "
    "trawa czerwony niebieski zielony czarny biały woda dom góra koń ptak",
}
_ENGLISH_WORDS = (
    "a an the and of in on at with is are to for from two three man woman men women boy girl dog cat child "
    "children red blue green black white water house i do as die fan hat rot la el le"
)
_ENGLISH = frozenset(_ENGLISH_WORDS.split())
# English words or parts of names as well: beside a plainer word of its language one counts, alone it says nothing.
_WEAK_WORDS = (
    "am ins mit das berg wald haus mann court chat rouge noir blanc aux les des du et au sur maison plage con los las "
    "del playa casa uno lo os um uma dos com neve met wit op kat su ve ev dom pies na w z psi se je"
)
_WEAK = frozenset(_WEAK_WORDS.split())
_BY_WORD = {name: frozenset(words.split()) - _ENGLISH for name, words in _WORDS.items()}


def tongue(text: str) -> str | None:
    """The language that a text seems to be in, in English; None for English, and where it is not plain.

    >>> tongue("ein Hund am Strand"), tongue("un chien sur la plage"), tongue("犬"), tongue("a dog on a beach")
    ('German', 'French', 'Chinese or Japanese', None)
    >>> tongue("Paris"), tongue("café"), tongue("the la brea tar pits")
    (None, None, None)
    >>> tongue("tennis court"), tongue("los angeles"), tongue("los perros")
    (None, None, 'Spanish')
    """
    letters = [unicodedata.name(letter, "").split(" ")[0] for letter in text if letter.isalpha()]
    scripts = Counter(_SCRIPTS[script] for script in letters if script in _SCRIPTS)
    if scripts and sum(scripts.values()) * 2 > len(letters):
        # Kana beside ideographs settle which of the two it is.
        return "Japanese" if scripts["Japanese"] else scripts.most_common(1)[0][0]
    words = words_of(text)
    if any(word in _ENGLISH - {"la", "el", "le", "die", "rot", "hat", "man", "i", "a", "as", "do"} for word in words):
        return None
    hits = Counter({name: sum(word in known for word in words) for name, known in _BY_WORD.items()})
    (first, most), (_, second) = hits.most_common(2)
    if not any(word in _BY_WORD[first] - _WEAK for word in words):
        return None
    # One word of three may be a name; a tie between two languages says nothing.
    return first if most > second and (most > 1 or most * 2 >= len(words)) else None
