"""The table of composers on rendered scenes in the documentation: `python -m recipes.compose`."""
