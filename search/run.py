"""Search for the best network. ``python search/run.py --space cnn`` is ``spectune search --space cnn``."""

import os
import sys

if __name__ == "__main__":  # Python looks for modules first where this lies or where one is, be it a cmd.py
    here = {"", os.getcwd(), os.path.dirname(os.path.realpath(__file__))}
    sys.path[:] = [folder for folder in sys.path if folder not in here]

from spectune.search.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["search", *sys.argv[1:]]))
