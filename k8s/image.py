"""The images of the services and of the harness: built by whichever container engine is there and answers."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from k8s.target import TargetError

ROOT = Path(__file__).parents[1]
DOCKERFILE = Path("services") / "Dockerfile"
TAG = "goaround:dev"
"""What our manifests run."""
BENCH_DOCKERFILE = Path("benchmarks") / "Dockerfile"
BENCH = "-bench"
"""Behind the name of the services' image: that of the harness, which belongs to it."""
ANSWER_S = 20


@dataclass(frozen=True, slots=True)
class Engine:
    """A program that builds images: how it is asked whether it works, told to build, and to write an archive."""

    name: str
    alive: tuple[str, ...]
    build: tuple[str, ...]
    save: tuple[str, ...]
    """`{tag}` and `{file}` stand for what is saved and where."""


# Under the name that was given: `podman save` writes localhost/NAME, which containerd does not look for.
_PUSH = ("push", "{tag}", "docker-archive:{file}:{tag}")
# Without `--format docker` the last two leave out the health check, which OCI's format does not know.
ENGINES = {
    one.name: one
    for one in (
        Engine("docker", ("info",), ("build",), ("save", "--output", "{file}", "{tag}")),
        Engine("podman", ("info",), ("build", "--format", "docker"), _PUSH),
        Engine("buildah", ("info",), ("build", "--format", "docker"), _PUSH),
    )
}


def choose(wanted: str | None = None) -> Engine:
    """Return the wanted engine, or the first that is on PATH and answers.

    Raises TargetError: an unknown engine; none that works, with what is wrong with each.
    """
    if wanted is not None and wanted not in ENGINES:
        raise TargetError(f"no container engine {wanted!r}; choose from: {', '.join(ENGINES)}")
    why = []
    for engine in [ENGINES[wanted]] if wanted else ENGINES.values():
        silent = _silent(engine)
        if not silent:
            return engine
        why.append(f"{engine.name}: {silent}")
    raise TargetError(f"an image needs a container engine, and none works here: {'; '.join(why)}")


def bench_of(tag: str) -> str:
    """The tag of the harness's image beside one of the services: `goaround-bench:dev` for `goaround:dev`.

    Raises TargetError: a digest, which names one image alone.
    """
    if "@" in tag:
        raise TargetError(f"image {tag!r}: name it by a tag: the harness's is beside it, under NAME{BENCH}:TAG")
    folder, slash, last = tag.rpartition("/")
    name, colon, version = last.partition(":")
    return f"{folder}{slash}{name}{BENCH}{colon}{version}"


def bench_file(file: Path) -> Path:
    """The archive of the harness's image beside one of the services': `goaround-bench.tar` for `goaround.tar`."""
    return file.with_name(f"{file.stem}{BENCH}{file.suffix}")


def build(
    engine: Engine,
    tag: str = TAG,
    base: str | None = None,
    options: Sequence[str] = (),
    dockerfile: Path = DOCKERFILE,
) -> None:
    """Build an image; the engine's own output goes to ours. `options` are given to its build as they are.

    Raises TargetError: a tag that is none; the engine failed.
    """
    if not re.fullmatch(r"[a-z0-9][a-zA-Z0-9._/:-]*", tag):
        raise TargetError(f"image tag {tag!r}: must be [REGISTRY/]NAME:TAG in small letters, such as {TAG}")
    chosen = ("--build-arg", f"BASE={base}") if base else ()
    _run(engine, [*engine.build, "--file", str(dockerfile), "--tag", tag, *chosen, *options, "."], "build")


def save(engine: Engine, tag: str, file: Path) -> None:
    """Write an image as an archive that containerd, kind, minikube and docker can load.

    Raises TargetError: as `require_free`, or the engine failed.
    """
    require_free(file)
    _run(engine, [part.format(tag=tag, file=file.absolute()) for part in engine.save], "save")


def require_free(file: Path) -> None:
    """Raise TargetError for a file that is there already, or whose folder is not."""
    if file.exists():
        raise TargetError(f"{file} exists already: name another file, or remove it")
    if not file.absolute().parent.is_dir():
        raise TargetError(f"{file}: there is no such folder")


def _silent(engine: Engine) -> str:
    """Why the engine cannot be used; empty when it can."""
    program = shutil.which(engine.name)
    if program is None:
        return "not on PATH"
    try:
        done = subprocess.run(  # noqa: S603 - a program of our own list
            [program, *engine.alive], capture_output=True, text=True, check=False, timeout=ANSWER_S
        )
    except subprocess.TimeoutExpired:
        return f"does not answer within {ANSWER_S} s"
    if done.returncode == 0:
        return ""
    said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    return said[-1] if said else f"`{engine.name} {' '.join(engine.alive)}` ends with code {done.returncode}"


def _run(engine: Engine, arguments: Sequence[str], what: str) -> None:
    program = shutil.which(engine.name) or engine.name
    done = subprocess.run([program, *arguments], cwd=ROOT, check=False)  # noqa: S603 - as above
    if done.returncode:
        raise TargetError(f"{engine.name} could not {what} the image (exit code {done.returncode}); it says why above")
