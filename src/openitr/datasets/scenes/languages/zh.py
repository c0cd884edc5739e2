"""Chinese: classifiers, no inflection, no spaces; modifiers come before the noun."""

from openitr.datasets.scenes.languages.grammar import Language, Noun

_NOUNS = """
circle 个 圆形 | square 个 正方形 | triangle 个 三角形 | star 颗 星星 | heart 颗 爱心 | ring 个 圆环
diamond 个 菱形 | house 座 房子 | tree 棵 树 | fish 条 鱼 | car 辆 汽车 | cup 个 杯子 | flower 朵 花
boat 艘 船 | cat 只 猫 | bird 只 鸟 | umbrella 把 雨伞 | apple 个 苹果 | balloon 个 气球 | butterfly 只 蝴蝶
key 把 钥匙 | bell 个 铃铛 | doll 个 娃娃 | robot 个 机器人 | shirt 件 衬衫 | bag 个 手提包 | chair 把 椅子
moon 个 月亮 | thing 个 东西 | roof 个 屋顶 | sail 个 帆 | hat 顶 帽子
"""
_WORDS = (
    "red 红色 | orange 橙色 | yellow 黄色 | green 绿色 | blue 蓝色 | purple 紫色 | pink 粉色 | brown 棕色 | "
    "black 黑色 | white 白色 | small 小 | large 大 | plain 纯色 | striped 条纹 | dotted 圆点"
)
_ROWS = [entry.split() for line in _NOUNS.strip().splitlines() for entry in line.split("|")]

CHINESE = Language(
    code="zh",
    nouns={kind: Noun("n", {"": noun}, classifier) for kind, classifier, noun in _ROWS},
    adjectives={entry.split()[0]: {"": entry.split()[1]} for entry in _WORDS.split("|")},
    articles={"indef": "一~", "def": "", "no": "", "one": "一~", "bare": "", "how": "几~"},
    numerals=[{"": n + "~"} for n in "零一两三四五六七八"],
    phrase="{article}[带{trim}的][{colour}{pattern}的]{size}{noun}",
    relations={
        "left": "在{b}的左边",
        "right": "在{b}的右边",
        "above": "在{b}的上方",
        "below": "在{b}的下方",
        "on": "在{b}的顶上",
        "inside": "在{b}的里面",
        "front": "在{b}的前面",
        "behind": "在{b}的后面",
        "bigger": "比{b}大",
        "smaller": "比{b}小",
        "nearest": "离{b}最近",
    },
    verbs={
        "left": "{a}向左移动",
        "right": "{a}向右移动",
        "up": "{a}向上移动",
        "down": "{a}向下移动",
        "grow": "{a}变大",
        "shrink": "{a}变小",
        "jump": "{a}跳起来",
        "appear": "{a}出现",
        "vanish": "{a}消失",
    },
    sounds={
        "low": "响起一个低音",
        "high": "响起一个高音",
        "rising": "响起一个上升的音",
        "falling": "响起一个下降的音",
        "hiss": "传来嘶嘶声",
        "ticks": "传来滴答声",
    },
    backgrounds={
        "plain": {"": "空白的墙"},
        "meadow": {"": "草地"},
        "sea": {"": "大海"},
        "night": {"": "夜空"},
        "room": {"": "房间"},
        "snow": {"": "雪地"},
    },
    sentences={
        "trim": "{colour}{noun}",
        "exists": "有{x}。",
        "none": "没有{x:no}。",
        "one": "只有{x:one}。",
        "count": "正好有{x}。",
        "related": "{a}{rel}。",
        "unrelated": "{a:def}不{rel}。",
        "refer": "{rel}的{a:def}",
        "background": "背景是{bg}。",
        "recolour": "把{a:def}变成{value}。",
        "resize": "把{a:def}变{value}。",
        "repattern": "把{a:def}变成{value}图案。",
        "retrim": "把{a:def}的{p:def}变成{value}。",
        "replace": "把{a:def}换成{b}。",
        "add": "添加{x}。",
        "add near": "{rel}添加{x}。",
        "remove": "去掉{a:def}。",
        "move": "把{a:def}放{rel}。",
        "swap": "交换{a:def}和{b:def}的位置。",
        "set": "把背景换成{bg}。",
        "ask count": "有{x:how}？",
        "ask exists": "有{x:bare}吗？",
        "ask colour": "{x:def}是什么颜色的？",
        "ask size": "{x:def}是小的还是大的？",
        "ask pattern": "{x:def}是纯色、条纹还是圆点的？",
        "ask kind": "{rel}的是什么？",
        "ask related": "{a:def}{rel}吗？",
        "ask background": "背景是什么？",
    },
    words={"yes": "是", "no": "否"},
    comma="、",
    last="和",
    capital=False,
    space="",
)
