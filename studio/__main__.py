"""`python -m studio`: the commands of `launch.py`, inside `.venv`."""

import os
import sys

from studio.cli import main

if __name__ == "__main__":
    os.environ.setdefault(
        "OMP_WAIT_POLICY", "PASSIVE"
    )  # before torch: threads that wait busily starve others
    sys.exit(main(sys.argv[1:]))
