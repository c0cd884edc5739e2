"""Trains the heads of the model ``late`` on the frozen towers: ``python -m recipes.late``."""
