"""Start it: python -m services.camera_agent."""

from services.camera_agent.application import build
from services.runtime.app import run

if __name__ == "__main__":
    run(build, required=("CAMERA_ID",))
