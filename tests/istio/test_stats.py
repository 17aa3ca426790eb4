"""Edges out of Envoy's statistics."""

from istio.admin import parse_stats
from istio.stats import EdgeStats, edges

TEXT = """
cluster.outbound|8080||cpanel.airport.svc.cluster.local;.upstream_rq_total: 3
cluster.outbound|8080|v1|cpanel.airport.svc.cluster.local;.upstream_rq_total: 4
cluster.outbound|8080|v1|cpanel.airport.svc.cluster.local;.outlier_detection.ejections_active: 1
cluster.outbound|8080|v1|cpanel.airport.svc.cluster.local;.retry.upstream_rq_503: 9
cluster.outbound|8080||alerts.airport.svc.cluster.local;.upstream_rq_per_try_timeout: 2
cluster.inbound|8080||;.upstream_rq_total: 7
cluster.outbound|8080||alerts.airport.svc.cluster.local;.version_text: "12"
"""


def test_an_edge_is_the_sum_over_the_subsets_of_its_callee() -> None:
    found = edges(parse_stats(TEXT))
    assert found["cpanel"] == EdgeStats(requests=7, active_ejections=1)
    assert found["alerts"] == EdgeStats(per_try_timeouts=2)
    assert found.keys() == {"alerts", "cpanel"}


def test_edges_of_several_sidecars_add_up() -> None:
    assert EdgeStats(requests=1, panics=2) + EdgeStats(requests=3) == EdgeStats(requests=4, panics=2)
