"""Start it: python -m services.image_analysis."""

from services.image_analysis.application import build
from services.runtime.app import run

if __name__ == "__main__":
    run(build)
