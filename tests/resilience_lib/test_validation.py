"""Whatever is read as a policy is one, or is refused with sentences: never with a traceback."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from resilience_lib import EdgePolicy, EndpointPolicy, PolicyError
from resilience_lib.endpoint_policies import PARTS as ENDPOINT_PARTS
from resilience_lib.policies import PARTS as EDGE_PARTS

values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 200),
    st.floats(),
    st.sampled_from(["", "5xx", "503,", "RANDOM"]),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=1),
)


def nearly_policies(parts: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Return data with the right names and any values, a wrong name now and then, and data that is no object."""
    kinds = {
        name: values | st.dictionaries(st.sampled_from([*(f.name for f in dataclasses.fields(kind)), "x"]), values)
        for name, kind in parts.items()
    }
    return values | st.fixed_dictionaries({}, optional={**kinds, "y": values})


def refusal(kind: type[EdgePolicy] | type[EndpointPolicy], data: Any) -> list[str] | None:
    """Return the sentences of a refusal; None when `data` was read, and what was read survives JSON and has words."""
    try:
        policy = kind.from_json(data)
    except PolicyError as error:
        return error.errors
    assert kind.from_json(policy.to_json()) == policy
    assert policy.describe()
    return None


@given(nearly_policies(EDGE_PARTS))
def test_nearly_a_policy_of_an_edge_is_read_or_refused(data: Any) -> None:
    errors = refusal(EdgePolicy, data)
    assert errors is None or all(": " in sentence for sentence in errors)
    assert errors != []


@given(nearly_policies(ENDPOINT_PARTS))
def test_nearly_a_policy_of_replicas_is_read_or_refused(data: Any) -> None:
    errors = refusal(EndpointPolicy, data)
    assert errors is None or all(": " in sentence for sentence in errors)
    assert errors != []


def test_not_a_number_is_no_number_of_seconds_and_no_percentage() -> None:
    nan = float("nan")
    errors = refusal(EndpointPolicy, {"outlier": {"interval_s": nan, "min_health_percent": nan}})
    assert errors is not None
    assert [sentence.partition(":")[0] for sentence in errors] == ["outlier.interval_s", "outlier.min_health_percent"]
