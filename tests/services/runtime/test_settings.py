"""Settings: read whole, or refused whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from services.runtime.settings import BadSettings, read_settings

WHO = {"SERVICE_NAME": "momentum", "POD_NAME": "momentum-0"}
ROOT = Path(__file__).parents[3]


def test_defaults_are_those_of_the_pod_contract() -> None:
    settings = read_settings(WHO)
    assert (settings.host, settings.port, settings.admin_port) == ("0.0.0.0", 8080, 9090)  # noqa: S104
    assert (settings.resilience_mode, settings.fault_control, settings.idempotency) == ("plain", False, True)
    assert (settings.connection_limit, settings.keepalive_s, settings.drain_s) == (100, 15, 5)
    assert (settings.cpu_ms, settings.service_time_ms, settings.seed) == (0.5, 5, 0)


def test_every_bad_variable_is_named_in_one_error() -> None:
    bad = {
        "PORT": "0",
        "ADMIN_PORT": "web",
        "RESILIENCE_MODE": "mesh",
        "FAULT_CONTROL": "yes",
        "CPU_MS": "nan",
        "SEED": "-1",
        "LOG_LEVEL": "loud",
        "STORE_DIR": "/nowhere/at/all",
        "POLICIES_FILE": "/nowhere.json",
    }
    with pytest.raises(BadSettings) as refused:
        read_settings(bad, required=("CAMERA_ID",))
    named = {error.split("=")[0].split(":")[0] for error in refused.value.errors}
    assert named == {*bad, *WHO, "CAMERA_ID"}


def test_the_library_mode_needs_its_policies() -> None:
    with pytest.raises(BadSettings, match="POLICIES_FILE: must be set"):
        read_settings({**WHO, "RESILIENCE_MODE": "library"})


def test_one_port_cannot_be_both() -> None:
    with pytest.raises(BadSettings, match="ADMIN_PORT=8080: must differ"):
        read_settings({**WHO, "ADMIN_PORT": "8080"})


def test_with_fault_control_the_admin_port_is_on_loopback_only() -> None:
    assert read_settings({**WHO, "FAULT_CONTROL": "on"}).admin_host == "127.0.0.1"
    assert read_settings(WHO).admin_host == "0.0.0.0"  # noqa: S104 - where Prometheus must reach it


def test_with_a_token_it_may_listen_for_everybody() -> None:
    told = {**WHO, "FAULT_CONTROL": "on", "CONTROL_TOKEN": "a-secret"}
    assert read_settings(told).admin_host == "0.0.0.0"  # noqa: S104 - as above


def test_the_token_is_in_no_words_about_the_settings() -> None:
    assert "a-secret" not in repr(read_settings({**WHO, "CONTROL_TOKEN": "a-secret"}))


def test_a_pod_with_bad_settings_ends_with_code_2_and_one_line_for_each() -> None:
    command = [sys.executable, "-m", "services.momentum"]
    ended = subprocess.run(command, env={"PORT": "x"}, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    assert ended.returncode == 2
    assert ended.stderr.splitlines() == [
        "error: SERVICE_NAME: must be set",
        "error: POD_NAME: must be set",
        "error: PORT='x': must be a whole number from 1 to 65535",
    ]
