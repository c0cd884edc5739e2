"""``python -m openitr`` is the ``openitr`` command."""

from openitr.cli import main

main()
