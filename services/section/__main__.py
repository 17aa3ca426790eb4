"""Start it: python -m services.section."""

from services.runtime.app import run
from services.section.application import build

if __name__ == "__main__":
    run(build, required=("SECTION_ID", "STORE_DIR"))
