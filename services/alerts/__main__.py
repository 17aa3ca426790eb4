"""Start it: python -m services.alerts."""

from services.alerts.application import build
from services.runtime.app import run

if __name__ == "__main__":
    run(build, required=("STORE_DIR",))
