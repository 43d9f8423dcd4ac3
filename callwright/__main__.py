"""`python -m callwright`."""

from callwright.cli import main

main()
