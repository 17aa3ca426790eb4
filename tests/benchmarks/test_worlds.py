"""Memory is asked for before any process is started."""

import pytest

from benchmarks.errors import BadInput
from benchmarks.worlds import require_memory

GIB = 2**30


def test_the_need_is_said_for_each_arm_and_in_sum() -> None:
    line = require_memory({"none": GIB // 2, "mesh": GIB}, 4 * GIB)
    assert line == "memory: 1.5 GiB needed (none 0.5 GiB, mesh 1.0 GiB), 4.0 GiB available"


def test_too_little_memory_is_refused_with_what_to_do() -> None:
    with pytest.raises(BadInput, match=r"1.0 GiB needed .* 0.5 GiB available; end other programs, or run fewer arms"):
        require_memory({"mesh": GIB}, GIB // 2)
