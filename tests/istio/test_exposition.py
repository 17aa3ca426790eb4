"""Envoy's Prometheus page, read back into the names that its /stats has."""

from __future__ import annotations

from istio.exposition import cluster_stats
from istio.stats import edges

HOST = "outbound|8080|v1|cpanel.airport.svc.cluster.local"
PAGE = f"""# TYPE envoy_cluster_upstream_rq_retry counter
envoy_cluster_upstream_rq_retry{{cluster_name="{HOST}"}} 12

# TYPE envoy_cluster_upstream_rq counter
envoy_cluster_upstream_rq{{envoy_response_code="200",cluster_name="{HOST}"}} 100
envoy_cluster_upstream_rq_xx{{envoy_response_code_class="2",cluster_name="{HOST}"}} 101

# TYPE envoy_cluster_membership_healthy gauge
envoy_cluster_membership_healthy{{cluster_name="outbound|80||weather.example;"}} 3

# TYPE envoy_cluster_upstream_rq_time histogram
envoy_cluster_upstream_rq_time_bucket{{cluster_name="{HOST}",le="0.5"}} 7
envoy_cluster_upstream_rq_total{{cluster_name="xds-grpc"}} 5
envoy_server_live{{}} 1
"""


def test_counters_and_gauges_of_outbound_clusters_have_their_flat_names_again() -> None:
    assert cluster_stats(PAGE) == {
        f"cluster.{HOST};.upstream_rq_retry": 12,
        f"cluster.{HOST};.upstream_rq_200": 100,
        f"cluster.{HOST};.upstream_rq_2xx": 101,
        "cluster.outbound|80||weather.example;.membership_healthy": 3,
    }


def test_the_labels_of_istios_bootstrap_are_understood_as_envoys_own() -> None:
    page = f"""envoy_cluster_upstream_rq{{cluster_name="{HOST}",response_code="200"}} 156
envoy_cluster_upstream_rq{{cluster_name="{HOST}",response_code_class="2xx"}} 157
"""
    assert cluster_stats(page) == {
        f"cluster.{HOST};.upstream_rq_200": 156,
        f"cluster.{HOST};.upstream_rq_2xx": 157,
    }


def test_edges_are_read_from_them_as_from_a_sidecars() -> None:
    assert edges(cluster_stats(PAGE))["cpanel"].retries == 12
