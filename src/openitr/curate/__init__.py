"""Pairs that are worth training on: filters over pictures and texts from the web.

ChineseWebFilter   the rules by which Wukong's pairs were kept
"""

from openitr.curate.chinese_web import SENSITIVE, ChineseWebFilter

__all__ = ["SENSITIVE", "ChineseWebFilter"]
