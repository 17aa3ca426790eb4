"""The files of the overlays that are derived: the library's policies, out of the default policy set's Istio objects.

`kubectl apply -k k8s/overlays/library` reads them; `render` derives them anew. `python -m k8s.derived` writes them.
"""

from __future__ import annotations

from pathlib import Path
from textwrap import indent

from k8s.render import render

COMPONENTS = Path(__file__).parent / "components"
FILES = {"library": COMPONENTS / "library/policies.yaml", "library-endpoints": COMPONENTS / "endpoints/policies.yaml"}
"""Which file holds the policies of a mode."""
NAME = ("ConfigMap", "policies")
HEADER = """# Derived from istio/manifests/policies/matched by `python -m k8s.derived`; a test holds it to that.
apiVersion: v1
kind: ConfigMap
metadata:
  name: policies
  namespace: airport
  labels:
    project: airport
data:
  policies.json: |-
"""


def derived(mode: str) -> str:
    """The text of a mode's file. Raises TargetError where the mode does not render."""
    [config] = [one for one in render(mode).objects if (one["kind"], one["metadata"]["name"]) == NAME]
    return HEADER + indent(config["data"]["policies.json"], " " * 4) + "\n"


def main() -> None:
    """Write every file."""
    for mode, file in FILES.items():
        file.write_text(derived(mode))


if __name__ == "__main__":
    main()
