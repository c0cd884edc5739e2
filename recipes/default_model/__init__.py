"""The recipe of the shipped models: `python -m recipes.default_model` rebuilds every file under `weights/`."""
