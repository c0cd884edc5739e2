"""What can be asked of any photo: groups of things of which a picture shows one rather than another (ours).

The words are those that people use for everyday photos; a collection's own tags are asked as well
(:func:`openitr.search.dialogue.asking.of_tags`).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Option:
    """One thing that a picture may show.

    Args:
        name: As it is offered ("a beach").
        phrase: As it is searched ("on a beach").
        often: Share of photos of which it is said.
    """

    name: str
    phrase: str
    often: float = 0.1


@dataclass(frozen=True)
class Topic:
    """Options that seldom hold together, and the question that offers them.

    Args:
        text: The question without its options.
        options: What may be answered.
        together: Whether a picture may well show several: then they are asked one by one.
    """

    text: str
    options: tuple[Option, ...]
    together: bool = False


def _topic(text: str, lines: str, together: bool = False) -> Topic:
    """A line is an option: its share in percent, its name, and its phrase where that is another."""
    made = []
    for line in lines.strip().splitlines():
        share, _, option = line.strip().partition(" ")
        name, _, phrase = option.partition(": ")
        made.append(Option(name, phrase or name, int(share) / 100))
    return Topic(text, tuple(made), together)


# The shares are those of 500 photos of Flickr8k of which any of five captions says so, rounded.
PLACE = _topic(
    "Where is it",
    """15 water: in the water
    11 grass: on grass
    7 snow: in the snow
    7 sand or dirt: on sand or dirt
    6 a beach: on a beach
    6 mountains: in the mountains
    5 a street: on a street
    5 rocks: on rocks
    9 a field: on a field
    4 a park: in a park
    5 trees: in a forest with trees
    3 a building: in front of a building
    2 a boat: on a boat
    2 indoors: indoors in a room
    2 a playground: at a playground
    1 a stage: on a stage
    1 a table: at a table""",
)
WHO = _topic(
    "Who is in it",
    """32 a man
    17 a woman
    16 a boy
    17 a girl
    25 a dog
    12 children: several children
    15 people: several people
    4 a crowd: a crowd of people
    2 a baby
    1 a horse
    1 a bird
    1 a cat""",
)
DOING = _topic(
    "What is happening",
    """20 playing
    22 standing
    17 jumping: jumping in the air
    14 running
    13 walking
    10 sitting
    6 smiling: smiling for the camera
    5 riding a bike: riding a bicycle
    4 climbing
    3 swimming
    2 skating: riding a skateboard
    2 skiing or sledding: skiing, snowboarding or sledding
    2 surfing: riding a wave on a surfboard
    2 eating or drinking
    4 driving or racing
    1 dancing or music: dancing or playing music
    2 talking: people talking
    1 lying down""",
)
COLOUR = _topic(
    "Which colour stands out",
    """25 black
    25 white
    20 red
    17 blue
    16 brown
    9 green
    8 yellow
    6 orange
    5 pink
    3 purple
    2 grey""",
)
MANY = _topic(
    "How many are there",
    """25 two
    4 three
    8 a group: a group of several""",
)
CLOTHES = _topic(
    "What do they wear",
    """15 a shirt: wearing a shirt
    7 a jacket: wearing a jacket
    4 a coat: wearing a winter coat
    6 a hat: wearing a hat
    9 a dress: wearing a dress
    3 a uniform: in a uniform
    3 a suit: wearing a suit
    2 a helmet: wearing a helmet
    2 sunglasses: wearing sunglasses
    1 a costume: wearing a costume""",
)
THINGS = _topic(
    "Is there",
    """6 a ball
    6 a camera
    5 a toy
    3 a car
    4 a wall
    3 a stick
    3 a bicycle
    3 flowers
    2 a boat
    2 a motorcycle
    2 a fence
    2 a pool
    2 a rope
    2 a wave
    1 a bench
    1 a swing: a swing or a slide
    1 a guitar: a guitar or another instrument
    1 a sign
    1 a train
    1 food""",
    together=True,
)
TOPICS = (PLACE, WHO, DOING, COLOUR, MANY, CLOTHES, THINGS)
"""All of them."""
