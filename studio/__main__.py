"""`python -m studio`: the commands of `launch.py`, inside `.venv`."""

import sys

from studio.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
