"""A pod small enough for a unit test: a real process with Python's own HTTP server and the three probes."""

from __future__ import annotations

from typing import Any

from k8s.target import Rendered

# Not ready while its volume holds a file named `unready`; prints, so that logs have something to show.
SERVER = """
import http.server, os, pathlib
print("serving", os.environ["PORT"])
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        bad = self.path == "/readyz" and pathlib.Path(os.environ["STORE_DIR"], "unready").exists()
        self.send_response(503 if bad else 200)
        self.end_headers()
    def log_message(self, *_): pass
http.server.HTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()
"""
BROKEN = "import sys; print('no such table: frames'); sys.exit(3)"


def probe(path: str, period_s: int = 1, failures: int = 1) -> dict[str, Any]:
    return {"httpGet": {"path": path, "port": "http"}, "periodSeconds": period_s, "failureThreshold": failures}


def deployment(name: str, replicas: int = 1, program: str = SERVER, **annotations: str) -> dict[str, Any]:
    container = {
        "name": "app",
        "image": "goaround:dev",
        "command": ["python", "-c", program],
        "ports": [{"name": "http", "containerPort": 8080}, {"name": "admin", "containerPort": 9090}],
        "env": [{"name": "STORE_DIR", "value": "/data"}],
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
        "startupProbe": probe("/startupz", failures=20),
        "readinessProbe": probe("/readyz"),
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "annotations": {key.replace("_", "/"): value for key, value in annotations.items()}},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {
                    "containers": [container],
                    "volumes": [{"name": "data", "emptyDir": {}}],
                    "terminationGracePeriodSeconds": 1,
                },
            },
        },
    }


def injected(name: str) -> dict[str, Any]:
    """A deployment whose pod gets a sidecar."""
    made = deployment(name)
    made["spec"]["template"]["metadata"]["labels"]["sidecar.istio.io/inject"] = "true"
    return made


def service(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": name}, "ports": [{"name": "http", "port": 8080, "targetPort": "http"}]},
    }


def rendered(*objects: dict[str, Any]) -> Rendered:
    return Rendered("none", None, list(objects))
