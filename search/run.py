"""Search for the best network. ``python search/run.py --space cnn`` is ``spectune search --space cnn``."""

import sys

from spectune.search.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["search", *sys.argv[1:]]))
