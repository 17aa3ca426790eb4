"""The environment of a pod, read once into frozen settings."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

MODES = ("plain", "library", "endpoints")
SWITCH = ("on", "off")
CALL_LOGS = ("off", "on", "kept")
LOG_LEVELS = ("debug", "info", "warning", "error")


class BadSettings(Exception):
    """One or more variables are missing or wrong; `errors` has a sentence for each."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__("; ".join(errors))
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Settings:
    """What one pod was told. Each field is the environment variable of the same name in lower case.

    Durations end in their unit (`_s`, `_ms`). `service_time_ms` and `cpu_ms` are what one call of
    image-analysis or face-recognition costs; so many `workers` go on at once (0: any number), and others wait.
    Defaults are those of the pod contract in docs/architecture.md.
    """

    service_name: str
    pod_name: str
    service_version: str = "v1"
    pod_namespace: str = "airport"
    host: str = "0.0.0.0"  # noqa: S104 - inside a pod, every interface is the pod's own
    port: int = 8080
    admin_port: int = 9090
    resilience_mode: str = "plain"
    policies_file: Path | None = None
    discovery_file: Path | None = None
    replicas_suffix: str | None = None
    fault_control: bool = False
    control_token: str | None = field(default=None, repr=False)
    seed: int = 0
    service_time_ms: float = 5.0
    cpu_ms: float = 0.5
    workers: int = 0
    store_dir: Path | None = None
    idempotency: bool = True
    connection_limit: int = 100
    keepalive_s: float = 15.0
    drain_s: float = 5.0
    log_level: str = "warning"
    section_id: int | None = None
    camera_id: int | None = None
    config_file: Path | None = None
    call_log: str = "off"

    @property
    def admin_host(self) -> str:
        """Where the admin port listens: whoever can inject faults is on this machine already, or has the token."""
        return "127.0.0.1" if self.fault_control and self.control_token is None else self.host


def read_settings(env: Mapping[str, str], required: tuple[str, ...] = ()) -> Settings:
    """Read `env` into Settings; variables in `required` must be there besides SERVICE_NAME and POD_NAME.

    Raises BadSettings with every missing and every bad variable at once. An empty value counts as unset.
    """
    reader = _Reader(env)
    reader.need(("SERVICE_NAME", "POD_NAME", *required))
    mode = reader.read("RESILIENCE_MODE", "plain", _one_of(MODES))
    policies = reader.read("POLICIES_FILE", None, _file)
    if mode != "plain":
        reader.need(("POLICIES_FILE",))
    if mode == "endpoints" and not reader.value("REPLICAS_SUFFIX"):
        reader.need(("DISCOVERY_FILE",))
    settings = Settings(
        service_name=reader.read("SERVICE_NAME", "", str),
        pod_name=reader.read("POD_NAME", "", str),
        service_version=reader.read("SERVICE_VERSION", "v1", str),
        pod_namespace=reader.read("POD_NAMESPACE", "airport", str),
        host=reader.read("HOST", "0.0.0.0", str),  # noqa: S104 - as above
        port=reader.read("PORT", 8080, _whole(1, 65535)),
        admin_port=reader.read("ADMIN_PORT", 9090, _whole(1, 65535)),
        resilience_mode=mode,
        policies_file=policies,
        discovery_file=reader.read("DISCOVERY_FILE", None, Path),
        replicas_suffix=reader.read("REPLICAS_SUFFIX", None, _suffix),
        fault_control=reader.read("FAULT_CONTROL", False, _switch),
        control_token=reader.read("CONTROL_TOKEN", None, str),
        seed=reader.read("SEED", 0, _whole(0, 2**63 - 1)),
        service_time_ms=reader.read("SERVICE_TIME_MS", 5.0, _number(0, 60_000)),
        cpu_ms=reader.read("CPU_MS", 0.5, _number(0, 60_000)),
        workers=reader.read("WORKERS", 0, _whole(0, 100_000)),
        store_dir=reader.read("STORE_DIR", None, _directory),
        idempotency=reader.read("IDEMPOTENCY", True, _switch),
        connection_limit=reader.read("CONNECTION_LIMIT", 100, _whole(1, 100_000)),
        keepalive_s=reader.read("KEEPALIVE_S", 15.0, _number(0, 3600)),
        drain_s=reader.read("DRAIN_S", 5.0, _number(0, 3600)),
        log_level=reader.read("LOG_LEVEL", "warning", _one_of(LOG_LEVELS)),
        section_id=reader.read("SECTION_ID", None, _whole(0, 2**31)),
        camera_id=reader.read("CAMERA_ID", None, _whole(0, 2**31)),
        config_file=reader.read("CONFIG_FILE", None, _file),
        call_log=reader.read("CALL_LOG", "off", _one_of(CALL_LOGS)),
    )
    if settings.port == settings.admin_port:
        reader.errors.append(f"ADMIN_PORT={settings.admin_port}: must differ from PORT")
    if reader.errors:
        raise BadSettings(reader.errors)
    return settings


T = TypeVar("T")
D = TypeVar("D")


class _Reader:
    """Reads variables one by one and gathers what was wrong with them."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self.errors: list[str] = []

    def value(self, name: str) -> str:
        return self._env.get(name, "").strip()

    def need(self, names: tuple[str, ...]) -> None:
        self.errors += [f"{name}: must be set" for name in names if not self.value(name)]

    def read(self, name: str, default: D, parse: Callable[[str], T]) -> T | D:
        text = self.value(name)
        if not text:
            return default
        try:
            return parse(text)
        except ValueError as error:
            self.errors.append(f"{name}={text!r}: {error}")
            return default


def _one_of(choices: tuple[str, ...]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return text

    return parse


def _switch(text: str) -> bool:
    return _one_of(SWITCH)(text) == "on"


def _whole(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(text)

    return parse


def _number(low: float, high: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise ValueError(f"must be a number from {low:g} to {high:g}")
        return value

    return parse


def _suffix(text: str) -> str:
    if not re.fullmatch(r"-[a-z0-9-]{0,60}[a-z0-9]", text):
        raise ValueError("must begin with '-', as in -replicas, and have a to z, 0 to 9 and '-'")
    return text


def _file(text: str) -> Path:
    path = Path(text)
    if not path.is_file():
        raise ValueError("must be a file that exists")
    return path


def _directory(text: str) -> Path:
    path = Path(text)
    if not path.is_dir() or not os.access(path, os.W_OK):
        raise ValueError("must be a directory that exists and can be written")
    return path
