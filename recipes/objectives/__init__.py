"""The table of objectives in the documentation: `python -m recipes.objectives DATA`."""
