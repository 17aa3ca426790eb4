"""The image is built by whichever engine works; here the engines are scripts that write down what they were told."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from k8s import image
from k8s.image import ENGINES, ROOT
from k8s.target import TargetError

DOCKERFILE = (ROOT / image.DOCKERFILE).read_text()
BENCH_DOCKERFILE = (ROOT / image.BENCH_DOCKERFILE).read_text()


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with nothing on it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def put(path: Path, name: str, script: str) -> Path:
    """Put an engine on PATH; returns the file that its arguments are written to."""
    told = path / f"{name}.told"
    program = path / name
    program.write_text(f'#!/bin/sh\necho "$@" >> {told}\n{script}\n')
    program.chmod(0o755)
    return told


def test_the_first_engine_that_answers_is_taken(path: Path) -> None:
    put(path, "docker", "echo 'Cannot connect to the daemon' >&2; exit 1")
    put(path, "buildah", "exit 0")
    assert image.choose() is ENGINES["buildah"]


def test_without_an_engine_that_works_the_error_says_what_is_wrong_with_each(path: Path) -> None:
    put(path, "docker", "echo 'Cannot connect to the daemon' >&2; exit 1")
    with pytest.raises(TargetError) as refused:
        image.choose()
    [line] = refused.value.errors
    assert line.endswith("docker: Cannot connect to the daemon; podman: not on PATH; buildah: not on PATH")


def test_an_unknown_engine_is_refused_with_the_choices(path: Path) -> None:
    with pytest.raises(TargetError, match="no container engine 'rkt'; choose from: docker, podman, buildah"):
        image.choose("rkt")


@pytest.mark.parametrize("name", ENGINES)
def test_every_engine_is_told_file_tag_base_and_options(path: Path, name: str) -> None:
    told = put(path, name, "")
    image.build(ENGINES[name], "goaround:1", "localhost/python:3", ["--no-cache"])
    assert told.read_text().startswith("build ")
    assert told.read_text().endswith(
        "--file services/Dockerfile --tag goaround:1 --build-arg BASE=localhost/python:3 --no-cache .\n"
    )


@pytest.mark.parametrize("name", ENGINES)
def test_every_engine_saves_the_tag_to_the_file(path: Path, name: str, tmp_path: Path) -> None:
    told = put(path, name, "")
    image.save(ENGINES[name], "goaround:1", tmp_path / "image.tar")
    assert f"{tmp_path / 'image.tar'}" in told.read_text()
    assert "goaround:1" in told.read_text()


@pytest.mark.parametrize("name", ["podman", "buildah"])
def test_an_archive_has_the_name_that_was_given_and_not_one_of_localhost(path: Path, name: str, tmp_path: Path) -> None:
    told = put(path, name, "")
    image.save(ENGINES[name], "goaround:1", tmp_path / "image.tar")
    assert told.read_text() == f"push goaround:1 docker-archive:{tmp_path / 'image.tar'}:goaround:1\n"


def test_a_failed_build_says_so(path: Path) -> None:
    put(path, "podman", "exit 125")
    with pytest.raises(TargetError, match=r"podman could not build the image \(exit code 125\)"):
        image.build(ENGINES["podman"])


def test_a_tag_that_is_none_is_refused() -> None:
    with pytest.raises(TargetError, match=r"image tag '--squash': must be \[REGISTRY/\]NAME:TAG"):
        image.build(ENGINES["docker"], "--squash")


def test_nothing_is_saved_over_a_file(tmp_path: Path) -> None:
    there = tmp_path / "image.tar"
    there.touch()
    with pytest.raises(TargetError, match="exists already"):
        image.save(ENGINES["docker"], "goaround:1", there)


def test_the_image_is_not_roots_and_has_a_health_check() -> None:
    last = DOCKERFILE.rpartition("\nFROM ")[2]
    assert re.search(r"^USER 10001:10001$", last, re.MULTILINE)
    assert re.search(r"^HEALTHCHECK .*services.healthy", last, re.MULTILINE)


@pytest.mark.parametrize(
    ("tag", "bench"),
    [
        ("goaround:dev", "goaround-bench:dev"),
        ("goaround", "goaround-bench"),
        ("host:5000/team/goaround:1.2", "host:5000/team/goaround-bench:1.2"),
        ("host:5000/goaround", "host:5000/goaround-bench"),
    ],
)
def test_the_image_of_the_harness_is_named_beside_that_of_the_services(tag: str, bench: str) -> None:
    assert image.bench_of(tag) == bench


def test_a_digest_names_no_second_image() -> None:
    with pytest.raises(TargetError, match="name it by a tag"):
        image.bench_of("goaround@sha256:00")


def test_the_image_of_the_harness_is_not_roots() -> None:
    assert re.search(r"^USER 10001:10001$", BENCH_DOCKERFILE.rpartition("\nFROM ")[2], re.MULTILINE)


def without_what_is_its_own(dockerfile: str) -> list[str]:
    """The instructions of a Dockerfile without what the two images differ in: files, ports, titles, what they run."""
    own = r"COPY (?!--from)|EXPOSE|HEALTHCHECK|CMD|#"
    lines = [line for line in dockerfile.splitlines() if line and not re.match(own, line)]
    return [re.sub(r'title="[^"]*"|uninstall --quiet --yes (setuptools )?pip', "", line) for line in lines]


def test_the_two_images_are_built_alike() -> None:
    assert without_what_is_its_own(DOCKERFILE) == without_what_is_its_own(BENCH_DOCKERFILE)
    assert len(without_what_is_its_own(DOCKERFILE)) > 10


def test_whatever_the_images_copy_is_let_through_and_nothing_else() -> None:
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {
        source.strip("/").partition("/")[0]
        for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE + BENCH_DOCKERFILE, re.MULTILINE)
        for source in line.split()[:-1]
    }
    assert copied == let_through
