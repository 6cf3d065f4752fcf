"""`python -m heedline`."""

from heedline.cli.main import run

run()
