"""Arabic, unvowelled: two genders, a dual, adjectives after the noun that take the article with it."""

from openitr.datasets.scenes.languages.grammar import Forms, Language, Noun

_NOUNS = """
circle f دائرة دوائر دائرتان | square m مربع مربعات مربعان | triangle m مثلث مثلثات مثلثان
star f نجمة نجوم نجمتان | heart m قلب قلوب قلبان | ring f حلقة حلقات حلقتان | diamond m معين معينات معينان
house m بيت بيوت بيتان | tree f شجرة أشجار شجرتان | fish f سمكة سمكات سمكتان | car f سيارة سيارات سيارتان
cup m كوب أكواب كوبان | flower f زهرة أزهار زهرتان | boat m قارب قوارب قاربان | cat f قطة قطط قطتان
bird m عصفور عصافير عصفوران | umbrella f مظلة مظلات مظلتان | apple f تفاحة تفاحات تفاحتان
balloon m بالون بالونات بالونان | butterfly f فراشة فراشات فراشتان | key m مفتاح مفاتيح مفتاحان
bell m جرس أجراس جرسان | doll f دمية دمى دميتان | robot m روبوت روبوتات روبوتان | shirt m قميص قمصان قميصان
bag f حقيبة حقائب حقيبتان | chair m كرسي كراسي كرسيان | moon m قمر أقمار قمران | thing m شيء أشياء شيئان
roof m سقف أسقف سقفان | sail m شراع أشرعة شراعان | hat f قبعة قبعات قبعتان
"""
_WORDS = """
red أحمر حمراء | orange برتقالي برتقالية | yellow أصفر صفراء | green أخضر خضراء | blue أزرق زرقاء
purple بنفسجي بنفسجية | pink وردي وردية | brown بني بنية | black أسود سوداء | white أبيض بيضاء
small صغير صغيرة | large كبير كبيرة | plain سادة سادة | striped مخطط مخططة | dotted منقط منقطة
"""


def _agreeing(m: str, f: str) -> Forms:
    if m == f:
        return {"": m}
    dual = f[:-1] + ("وان" if f.endswith("اء") else "تان")
    # Things that are no people take the feminine singular in the plural.
    # Colours of the pattern of "red" take no ending in the accusative, the others an alif.
    accusative = m if m.startswith("أ") else m + "ا"
    forms = {"m 1": m, "f 1": f, "m 2": m + "ان", "f 2": dual, "p": f}
    return forms | {"m 1 indef acc": accusative, "m 1 bare acc": accusative, "m 1 pred made": accusative}


def _declined(gender: str, one: str, two: str, many: str) -> Forms:
    forms = {"1": one, "2": two, "p": many}
    return forms | ({"1 indef acc": one + "ا", "1 bare acc": one + "ا"} if gender == "m" else {})


_ROWS = [entry.split() for line in _NOUNS.strip().splitlines() for entry in line.split("|")]
_ADJECTIVES = [entry.split() for line in _WORDS.strip().splitlines() for entry in line.split("|")]

ARABIC = Language(
    code="ar",
    nouns={kind: Noun(gender, _declined(gender, one, two, many)) for kind, gender, one, many, two in _ROWS},
    adjectives={word: _agreeing(m, f) for word, m, f in _ADJECTIVES},
    articles={"": ""},
    prefix={"": "", "def": "ال"},
    # From three to ten the numeral takes the other gender than the noun.
    numerals=[{"": "لا"}, {"": ""}, {"": ""}]
    + [{"m": n + "ة" if n != "ثماني" else "ثمانية", "f": n} for n in ("ثلاث", "أربع", "خمس", "ست", "سبع", "ثماني")],
    phrase="{article} {noun} {size} {colour} {pattern} [ب{trim}]",
    relations={
        "left": "على يسار {b}",
        "right": "على يمين {b}",
        "above": "أعلى من {b}",
        "below": "أسفل من {b}",
        "on": "فوق {b} مباشرة",
        "inside": "داخل {b}",
        "front": "أمام {b}",
        "behind": "خلف {b}",
        "bigger": "أكبر من {b}",
        "smaller": "أصغر من {b}",
        "nearest": "أقرب ما يكون إلى {b}",
    },
    verbs={
        "left": "{a} <يتحرك|تتحرك> إلى اليسار",
        "right": "{a} <يتحرك|تتحرك> إلى اليمين",
        "up": "{a} <يتحرك|تتحرك> إلى الأعلى",
        "down": "{a} <يتحرك|تتحرك> إلى الأسفل",
        "grow": "{a} <يكبر|تكبر>",
        "shrink": "{a} <يصغر|تصغر>",
        "jump": "{a} <يقفز|تقفز>",
        "appear": "{a} <يظهر|تظهر>",
        "vanish": "{a} <يختفي|تختفي>",
    },
    sounds={
        "low": "يسمع صوت منخفض",
        "high": "يسمع صوت حاد",
        "rising": "يسمع صوت صاعد",
        "falling": "يسمع صوت هابط",
        "hiss": "يسمع هسيس",
        "ticks": "تسمع دقات",
    },
    backgrounds={
        "plain": {"": "جدار فارغ"},
        "meadow": {"": "مرج"},
        "sea": {"": "بحر"},
        "night": {"": "سماء ليلية"},
        "room": {"": "غرفة"},
        "snow": {"": "حقل ثلجي"},
    },
    sentences={
        "trim": "{noun} {colour}",
        "exists": "<يوجد|توجد> {x}.",
        "none": "لا <يوجد|توجد> {x}.",
        "one": "<يوجد|توجد> {x} <واحد|واحدة> فقط.",
        "count": "<يوجد|توجد> {x} بالضبط.",
        "related": "هناك {a} {rel}.",
        "unrelated": "{a:def} <ليس|ليست> {rel}.",
        "refer": "{a:def} <الذي|التي> {rel}",
        "background": "الخلفية هي {bg}.",
        "recolour": "اجعل {a:def} {value}.",
        "resize": "اجعل {a:def} {value}.",
        "repattern": "اجعل {a:def} {value}.",
        "retrim": "اجعل {p:bare 1} {a:def} {value}.",
        "replace": "استبدل {a:def} ب{b}.",
        "add": "أضف {x:acc}.",
        "add near": "أضف {x:acc} {rel}.",
        "remove": "أزل {a:def}.",
        "move": "ضع {a:def} {rel}.",
        "swap": "بدّل مكاني {a:def} و{b:def}.",
        "set": "غيّر الخلفية إلى {bg}.",
        "ask count": "كم {x:bare 1 acc} في الصورة؟",
        "ask exists": "هل هناك {x}؟",
        "ask colour": "ما لون {x:def}؟",
        "ask size": "هل {x:def} <صغير|صغيرة> أم <كبير|كبيرة>؟",
        "ask pattern": "هل {x:def} سادة أم <مخطط|مخططة> أم <منقط|منقطة>؟",
        "ask kind": "ما الذي {rel}؟",
        "ask related": "هل {a:def} {rel}؟",
        "ask background": "ما هي الخلفية؟",
    },
    words={"yes": "نعم", "no": "لا"},
    comma=" و",
    last=" و",
    capital=False,
    dual=True,
)
