"""Which words name the same thing, so that "removed" means that a thing is gone and not merely one of its names."""

from __future__ import annotations

import re
from collections.abc import Iterable

# The first word is the query; all of a line (and its indented rest) are names of what answers it: narrower
# words included, wider ones not.
_LINES = """
dog puppy pup greyhound poodle collie terrier retriever labrador shepherd beagle dalmatian bulldog pug
  husky spaniel dachshund chihuahua corgi hound canine doggy rottweiler doberman boxer mutt
cat kitten kitty feline
horse pony foal stallion mare bronco
bird pigeon seagull gull duck goose geese swan parrot eagle hawk crane heron flamingo owl chicken rooster
  turkey peacock flock pelican
cow calf bull cattle ox steer
sheep lamb ram
fish goldfish trout salmon shark
monkey ape chimpanzee gorilla
elephant
bear
bicycle bike bicyclist cyclist biker bmx cycling biking tricycle
motorcycle motorbike motorcyclist dirtbike motocross biker moped scooter bike
car vehicle automobile suv racecar sedan taxi cab jeep convertible
bus
truck pickup lorry
train subway locomotive tram
boat ship canoe kayak raft sailboat ferry speedboat rowboat yacht gondola vessel
airplane plane jet aircraft helicopter
skateboard skateboarder skateboarding skater skate longboard
snowboard snowboarder snowboarding
ski skier skiing skis
surfboard surfer surfing surf surfboarder
football footballer quarterback nfl touchdown linebacker
soccer
basketball nba
baseball pitcher batter catcher umpire softball
tennis racket racquet
hockey puck goalie
volleyball
frisbee disc
ball basketball football baseball soccer volleyball tennis softball balls
swing
slide
swimming swim swimmer pool underwater
pool
beach shore sand seashore coast
ocean sea wave surf seaside
water ocean sea lake river pool pond wave surf stream puddle creek swim swimming splash swimmer fountain
  underwater wading canoe kayak raft boat
snow snowy snowboarder snowboard ski skier skiing sled snowball snowman blizzard winter snowboarding
  snowmobile
grass grassy lawn
mountain cliff hill peak mountainside summit hillside
rock boulder cliff rocky stone
tree forest woods log branch trunk wooded
flower bouquet rose tulip daisy blossom
street road sidewalk pavement avenue highway alley intersection
building skyscraper house tower church
fence railing
bridge
bench
tent camp campsite
fountain
waterfall
sunset dusk sunrise
desert dune
field meadow pasture
baby infant toddler newborn
child boy girl kid toddler baby infant children
man guy men gentleman male
woman lady girl women female
crowd audience spectators people group
guitar guitarist
drum drummer
violin fiddle cello
microphone mic
camera photographer
book magazine newspaper
cellphone phone telephone mobile
computer laptop
umbrella parasol
balloon
bubble
flag banner
hat cap beanie helmet sombrero
helmet
sunglasses glasses shades goggles
mask masked
dress gown
bikini swimsuit
wedding bride groom
costume costumed dressed
kite
food eating meal sandwich pizza cake hamburger fruit
cake cupcake
beer drinking drink bottle wine
cigarette smoking smoke
tattoo tattooed
wheelchair
trampoline
rope climbing climber harness
ladder
swimsuit bikini trunks
fire campfire flame bonfire fireworks
painting paint mural painter
graffiti mural
sled sledding toboggan
parade
dancing dancer dance
running run runner jog jogging sprint race racing chase chasing
jumping jump leap leaping midair
sleeping asleep sleep nap
kissing kiss
wrestling wrestler
boxing boxer
karate judo martial taekwondo
skating skater skate rollerblade rink
fishing fisherman
hiking hiker hike backpacker
gymnast gymnastics cartwheel handstand
rodeo bronco
concert band stage singer musician singing performing
restaurant cafe diner
kitchen cooking cook chef
bed bedroom
couch sofa
table
shopping store shop market mall supermarket
"""

# Everyday things that the photos do not show or hardly show; one that a caption mentions is left out of
# the test.
ABSENT = """
submarine; volcano; giraffe; zebra; lion; tiger; penguin; kangaroo; koala; hippopotamus; rhinoceros;
crocodile; octopus; jellyfish; lobster; tarantula; scorpion; snail; a bowl of soup; a plate of sushi;
espresso machine; washing machine; refrigerator; microwave oven; toaster; dishwasher; vacuum cleaner;
sewing machine; typewriter; bookshelf full of books; x-ray of a hand; microscope; stethoscope; syringe; a
space shuttle; an astronaut; the moon; a galaxy; a comet; oil refinery; wind turbines; solar panels;
nuclear power plant; lighthouse; castle; the eiffel tower; pyramid; windmill; oil painting of flowers; a
map of europe; a bar chart; a chess board; playing cards; dice; a piano; a harp; saxophone; a trombone; a
tuba; an accordion; hard disk; printer; circuit board; light bulb; screwdriver; hammer and nails;
chainsaw; a combine harvester; a bulldozer; a forklift; a fire engine; a hot air balloon; a zeppelin;
fighter jet; a tank; artichoke; broccoli; mushrooms; a pineapple; a bunch of grapes; corn on the cob;
cheese; a loaf of bread; pancakes; a wedding ring; a diamond; a wrist watch; perfume bottle; lipstick; a
passport; a coin; a treasure chest; a suit of armour; a polar bear; a panda; a walrus; a camel; a
hedgehog; a beaver; a bat hanging upside down; a snake; a turtle; a chameleon; a greenhouse; a vineyard;
a rice terrace; a coral reef; a cave with stalactites; an iceberg; the northern lights; a tornado;
lightning; a barber shop; a dentist; an operating theatre; a laboratory; a court room; a parliament; a
vending machine; an escalator; a traffic jam; an aircraft carrier; an oil tanker; a container port
"""

_STOP = frozenset(
    """
    a an the is are am be was were been being in on at of to with and or from for by up down into
    onto over under while as his her its their this that it he she they him them who which there has
    have having very some one two three four five six several many other another each both together
    through across along around near next front behind beside against between off out away back
    towards toward large small big little young old older elderly long tall short wearing wears
    dressed looking looks stands standing sits sitting holding holds walking walks playing plays
    background foreground top side inside outside middle during doing does something someone people
    person group couple first after about above below all no not
    """.split()  # noqa: SIM905
)
_IRREGULAR = {
    "men": "man",
    "women": "woman",
    "children": "child",
    "people": "person",
    "feet": "foot",
    "teeth": "tooth",
    "geese": "goose",
    "mice": "mouse",
    "knives": "knife",
    "wolves": "wolf",
    "leaves": "leaf",
    "calves": "calf",
    "skis": "ski",
    "buses": "bus",
    "ran": "run",
    "swam": "swim",
    "rode": "ride",
    "dalmation": "dalmatian",
    "sunglasses": "sunglasses",
    "glasses": "glasses",
}


def stem(word: str) -> str:
    """A word without its plural or verb ending, good enough to tell whether two captions name the same thing.

    >>> [stem(w) for w in ("dogs", "running", "puppies", "men", "grass", "jumped")]
    ['dog', 'run', 'puppy', 'man', 'grass', 'jump']
    """
    word = word.lower()
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    for ending in ("sses", "shes", "ches", "xes"):
        if word.endswith(ending):
            return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 3:
        return word[:-1]
    for ending in ("ing", "ed"):
        base = word.removesuffix(ending)
        if base != word and len(base) >= 3 and re.search("[aeiouy]", base):
            return base[:-1] if base[-1] == base[-2] and base[-1] not in "lsz" else base
    return word


def words(text: str) -> list[str]:
    """Stems of all words of a text, in order."""
    return [stem(w) for w in re.findall(r"[a-z]+", text.lower())]


def content(text: str) -> list[str]:
    """Stems of the words that say what is to be seen; function words, counts and postures are left out.

    >>> content("two dogs are running on the grass")
    ['dog', 'run', 'grass']
    """
    return [stem(w) for w in re.findall(r"[a-z]+", text.lower()) if w not in _STOP]


NAMES: dict[str, frozenset[str]] = {}
for _line in _LINES.replace("\n  ", " ").strip().splitlines():
    _first, *_others = _line.split()
    NAMES[_first] = frozenset(stem(w) for w in (_first, *_others))
_BY_STEM = {stem(name): names for name, names in NAMES.items()}


def names_of(stemmed: str) -> frozenset[str]:
    """All stems that name what a stem names."""
    return _BY_STEM.get(stemmed, frozenset((stemmed,)))


def mentions(stems: Iterable[str], wanted: str) -> bool:
    """Whether a text's stems name the thing that ``wanted`` (a stem) names."""
    return not names_of(wanted).isdisjoint(stems)


def absent() -> list[str]:
    """The queries of :data:`ABSENT`."""
    return [" ".join(q.split()) for q in ABSENT.split(";")]
