"""What Envoy counts towards its clusters, read from its Prometheus page: for whom the page is all that can be seen."""

from __future__ import annotations

import re
from collections.abc import Iterator

_SAMPLE = re.compile(r"^envoy_cluster_(?P<what>\w+)\{(?P<labels>.*)\} (?P<value>\d+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
# Envoy's own names of these labels, and those that Istio's bootstrap gives them: a class is `2` there, and `2xx` here.
_CODES = ("envoy_response_code", "response_code")
_CLASSES = ("envoy_response_code_class", "response_code_class")


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
        of_class = next((labels[one] for one in _CLASSES if one in labels), None)
        code = next((labels[one] for one in _CODES if one in labels), None)
        if of_class is not None:
            what = f"{what.removesuffix('_xx')}_{of_class.removesuffix('xx')}xx"
        elif code is not None:
            what = f"{what}_{code}"
        # istiod ends a cluster's name by a semicolon, which its rule for this label cuts off
        yield f"cluster.{name.rstrip(';')};.{what}", int(sample["value"])
