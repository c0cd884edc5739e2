"""Training: one loop for every model and objective (torch: ``pip install "openitr[train]"``).

Plan        the settings
Examples    pictures and texts in memory, as a tower takes them
Trainer     the loop: warm-up and cosine, averages, freezing, early stopping on retrieval, exact resume
Devices     where it runs: this process, or several that share every batch
Board       its curves, for TensorBoard
"""

from openitr.train.average import Average
from openitr.train.board import Board
from openitr.train.devices import Devices
from openitr.train.examples import Examples
from openitr.train.plan import Plan
from openitr.train.recipe import Trained, objective_named, objective_names, train
from openitr.train.trainer import History, Step, Trainer, encode, rsum

__all__ = [
    "Average",
    "Board",
    "Devices",
    "Examples",
    "History",
    "Plan",
    "Step",
    "Trained",
    "Trainer",
    "encode",
    "objective_named",
    "objective_names",
    "rsum",
    "train",
]
