"""Start it: python -m services.momentum."""

from services.momentum.application import build
from services.runtime.app import run

if __name__ == "__main__":
    run(build)
