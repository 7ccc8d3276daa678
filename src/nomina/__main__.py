"""``python -m nomina``: the command line."""

from nomina.cli import main

main()
