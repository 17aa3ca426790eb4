"""What a cluster would make of the application's manifests."""

from istio.objects import Document
from istio.registry import Registry
from k8s.render import render
from k8s.scheduled import scheduled


def test_every_replica_is_a_pod_behind_the_service_that_selects_it() -> None:
    registry = Registry.from_kubernetes([Document(one) for one in scheduled(render("mesh").objects)])
    behind = {
        service.name: sorted(one.pod for one in service.endpoints["http"] if one.ready and one.port == 8080)
        for service in registry.services
    }
    assert behind["image-analysis"] == ["image-analysis-0", "image-analysis-1", "image-analysis-2"]
    assert behind["cpanel"] == ["cpanel-v1-0", "cpanel-v2-0"]
    assert sum(map(len, behind.values())) == len(registry.pods) == 15
    addresses = [one.ip for service in registry.services for one in service.endpoints["http"]]
    assert len(set(addresses)) == 15
    assert registry.proxy("alerts-0", "airport").service_account == "alerts"
