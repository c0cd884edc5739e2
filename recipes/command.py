"""What the commands of all recipes have in common: their options, and how a finished folder replaces the old one."""

from __future__ import annotations

import argparse
import os
import shutil
from pathlib import Path

import torch

WEIGHTS = Path("src/openitr/encoders/weights")
DRAFT = "leave Flickr8k val unread"


def options(doc: str | None, *, cache: Path, out: Path = WEIGHTS, draft: str = DRAFT) -> argparse.ArgumentParser:
    """A parser with the data, the output, the cache, `--draft` and the threads; a recipe adds its own."""
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("--data", type=Path, default=os.environ.get("OPENITR_DATA"), help="the data folder")
    parser.add_argument("--out", type=Path, default=out, help="where the weights lie")
    parser.add_argument("--cache", type=Path, default=cache, help="features; safe to delete")
    parser.add_argument("--draft", action="store_true", help=draft)
    parser.add_argument("--threads", type=int, default=2)
    return parser


def given(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """What was said on the command line; stops where no data folder was named."""
    found = parser.parse_args()
    if found.data is None:
        parser.error("give --data or set OPENITR_DATA")
    found.data = Path(found.data)
    torch.set_num_threads(found.threads)
    return found


def place(folder: Path, target: Path) -> None:
    """Move a finished folder to where an older one may lie, which goes only when the new one is there."""
    old = target.with_name(f".{target.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.rename(old)
    folder.rename(target)
    shutil.rmtree(old, ignore_errors=True)
