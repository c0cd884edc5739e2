"""How the shipped lexicon model was made."""
