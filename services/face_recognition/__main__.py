"""Start it: python -m services.face_recognition."""

from services.face_recognition.application import build
from services.runtime.app import run

if __name__ == "__main__":
    run(build)
