"""python -m bench is restorebench."""

from bench.cli import main

main()
