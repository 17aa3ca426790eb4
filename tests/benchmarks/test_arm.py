"""Arms as they are written on the command line."""

import pytest

from benchmarks.arm import Arm, parse_arms
from benchmarks.errors import BadInput


def test_a_mode_with_policies_takes_the_default_set() -> None:
    assert Arm.parse("mesh") == Arm("mesh", "matched")


def test_an_arm_of_the_default_set_is_named_by_its_mode_alone() -> None:
    assert Arm.parse("library:matched").name == "library"


def test_an_arm_of_another_set_carries_the_set_in_its_name() -> None:
    assert Arm.parse("mesh:mine").name == "mesh:mine"


def test_an_arm_of_a_folder_of_policies_is_called_by_the_folder_and_written_with_its_path() -> None:
    arm = Arm.parse("mesh:some/where/mine/+plaintext")
    assert arm.name == "mesh:mine+plaintext"
    assert Arm.parse(arm.text) == arm


def test_two_folders_of_one_name_are_refused() -> None:
    with pytest.raises(BadInput, match="two arms would be called 'mesh:mine': give one of their folders another name"):
        parse_arms(["mesh:mine", "mesh:other/mine"])


def test_a_control_has_no_policies() -> None:
    assert Arm.parse("none") == Arm("none", None)


def test_sidecars_without_mutual_tls_are_an_arm_of_their_own() -> None:
    assert Arm.parse("mesh:mine+plaintext") == Arm("mesh", "mine", plaintext=True)
    assert [arm.name for arm in parse_arms(["sidecar", "sidecar+plaintext"])] == ["sidecar", "sidecar+plaintext"]


@pytest.mark.parametrize("mode", ["none", "library"])
def test_a_mode_without_sidecars_cannot_be_plaintext(mode: str) -> None:
    with pytest.raises(BadInput, match=f"mode '{mode}' has no sidecars"):
        Arm.parse(f"{mode}+plaintext")


def test_everything_wrong_with_the_arms_is_said_at_once() -> None:
    with pytest.raises(BadInput) as caught:
        parse_arms(["mash", "none:matched", "mesh", "mesh", "library:"])
    assert caught.value.problems == (
        "unknown mode 'mash'; choose from: none, library, library-endpoints, sidecar, mesh, both",
        "mode 'none' takes no policy set: write 'none' alone",
        "arm 'mesh' is named twice: name each once",
        "'library:' names no policy set after the colon: write 'library' or 'library:matched'",
    )
