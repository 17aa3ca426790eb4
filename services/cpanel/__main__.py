"""Start it: python -m services.cpanel."""

from services.cpanel.application import build
from services.runtime.app import run

if __name__ == "__main__":
    run(build, required=("CONFIG_FILE",))
