"""How the site is built: the pages of this folder and the docstrings of the package."""

import openitr

project = "OpenITR"
author = "The OpenITR authors"
release = version = openitr.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = "OpenITR"
myst_heading_anchors = 3
autodoc_typehints = "description"
autodoc_member_order = "bysource"
exclude_patterns = ["requirements.txt"]
