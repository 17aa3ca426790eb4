"""The rows of a run, and their file."""

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.rows import Outcome, Row, RowsFile, read_rows

ANSWERED = Row(0, 0.5, 0.501, 0.75, "127.0.0.1:1", "7-0", 200, Outcome.SUCCESS)
UNANSWERED = Row(1, 0.6, 0.601, 5.601, "127.0.0.1:1", "7-1", None, Outcome.TIMEOUT)
DROPPED = Row(2, 0.7, None, None, "127.0.0.1:2", "7-2", None, Outcome.DROPPED)

times = st.integers(0, 10**11).map(lambda micro: micro / 1e6)
rows = st.builds(
    Row,
    st.integers(0, 10**6),
    times,
    st.none() | times,
    st.none() | times,
    st.just("127.0.0.1:1"),
    st.from_regex(r"[0-9a-f]{1,16}-[0-9]{1,6}", fullmatch=True),
    st.none() | st.integers(100, 599),
    st.sampled_from(Outcome),
)


@given(st.lists(rows, unique_by=lambda row: row.index))
def test_rows_are_read_as_they_were_written_in_the_order_of_their_index(
    tmp_path_factory: pytest.TempPathFactory, written: list[Row]
) -> None:
    path = tmp_path_factory.mktemp("rows") / "cell.csv.gz"
    RowsFile(path).write(written)
    assert read_rows(path) == sorted(written, key=lambda row: row.index)


def test_a_file_has_the_columns_of_the_contract(tmp_path: Path) -> None:
    RowsFile(tmp_path / "cell.csv.gz").write([DROPPED, ANSWERED, UNANSWERED])
    assert gzip.decompress((tmp_path / "cell.csv.gz").read_bytes()).decode().splitlines() == [
        "index,at,sent,end,entry,frame_id,status,outcome",
        "0,0.500000,0.501000,0.750000,127.0.0.1:1,7-0,200,success",
        "1,0.600000,0.601000,5.601000,127.0.0.1:1,7-1,,timeout",
        "2,0.700000,,,127.0.0.1:2,7-2,,dropped",
    ]


def test_the_same_rows_make_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        RowsFile(tmp_path / name).write([ANSWERED])
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_the_name_appears_only_when_the_file_is_whole(tmp_path: Path) -> None:
    file = RowsFile(tmp_path / "cell.csv.gz")
    assert not (tmp_path / "cell.csv.gz").exists()
    file.write([ANSWERED])
    assert [path.name for path in tmp_path.iterdir()] == ["cell.csv.gz"]


def test_a_path_that_cannot_be_written_is_found_before_the_run(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        RowsFile(tmp_path / "missing" / "cell.csv.gz")


def test_a_file_of_other_columns_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n1,2\n"))
    with pytest.raises(ValueError, match="first line must be index,at"):
        read_rows(path)


def test_latency_counts_from_the_intended_time_and_lateness_apart() -> None:
    assert ANSWERED.latency_s == pytest.approx(0.25)
    assert ANSWERED.lateness_s == pytest.approx(0.001)


def test_a_dropped_arrival_has_no_latency() -> None:
    assert DROPPED.latency_s is None
    assert DROPPED.lateness_s is None
