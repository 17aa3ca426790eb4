"""What Envoy counts towards its clusters, read from its Prometheus page: for whom the page is all that can be seen."""

from __future__ import annotations

import re
from collections.abc import Iterator

_SAMPLE = re.compile(r"^envoy_cluster_(?P<what>\w+)\{(?P<labels>.*)\} (?P<value>\d+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_CODE, _CLASS = "envoy_response_code", "envoy_response_code_class"


def cluster_stats(page: str) -> dict[str, int]:
    """Return counters and gauges of outbound clusters under Envoy's flat names, as its `/stats` has them.

    `envoy_cluster_upstream_rq{envoy_response_code="200",cluster_name="outbound|..."}` is `cluster.outbound|...;.` and
    `upstream_rq_200` again. The page has underscores where a name has dots, so that a statistic of several words, such
    as an outlier detection's, keeps them. Histograms, and what is not of an outbound cluster, are left out.
    """
    return dict(_flat(page))


def _flat(page: str) -> Iterator[tuple[str, int]]:
    for sample in _SAMPLE.finditer(page):
        labels = dict(_LABEL.findall(sample["labels"]))
        name, what = labels.get("cluster_name", ""), sample["what"]
        if not name.startswith("outbound|") or "le" in labels:
            continue
        if what.endswith("_xx"):
            what = f"{what.removesuffix('_xx')}_{labels.get(_CLASS, '')}xx"
        elif _CODE in labels:
            what = f"{what}_{labels[_CODE]}"
        # istiod ends a cluster's name by a semicolon, which its rule for this label cuts off
        yield f"cluster.{name.rstrip(';')};.{what}", int(sample["value"])
