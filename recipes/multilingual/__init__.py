"""A second text tower for the default model: other languages, same space, same pictures."""
