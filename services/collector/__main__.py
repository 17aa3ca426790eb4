"""Start it: python -m services.collector."""

from services.collector.application import build
from services.runtime.app import run

if __name__ == "__main__":
    run(build)
