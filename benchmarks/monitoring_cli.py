"""The command `goaround grafana`: the running worlds for Prometheus and Grafana, and how to start both."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import typer

from benchmarks.console import console as output
from benchmarks.errors import BadInput
from benchmarks.watch.targets import write
from k8s.local.target import LocalTarget
from k8s.target import WorldStatus

ROOT = Path(__file__).parents[1]
FILES = ROOT / "k8s" / "monitoring"
STATE = ROOT / ".goaround" / "monitoring"
PROMETHEUS, GRAFANA = "127.0.0.1:9095", "127.0.0.1:3000"


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(grafana)


def grafana() -> None:
    """Write where the running worlds' metrics are, and say how to start Prometheus and Grafana on them.

    Both are programs of their own, which goaround neither brings nor starts. After worlds have started or ended, run
    this again; a running Prometheus takes the new targets within seconds.
    """
    statuses = asyncio.run(_statuses())
    if not statuses:
        raise BadInput(["no world is running; start one with: goaround up --mode library"])
    write(statuses, STATE)
    console = output()
    pages = sum(1 + (pod.proxy_admin is not None) for status in statuses for pod in status.pods)
    console.print(f"{pages} pages of metrics, of: {', '.join(status.name for status in statuses)}")
    for program, command in _commands().items():
        found = shutil.which(program)
        console.print(f"\n{program} ({f'found: {found}' if found else 'not on PATH'}):")
        console.print(f"  {command}", soft_wrap=True, highlight=False, markup=False)
    console.print(f"\nthen: http://{GRAFANA}/d/goaround-edges  (choose world, and seen by: app or proxy)")


async def _statuses() -> list[WorldStatus]:
    target = LocalTarget()
    return [await (await target.world(name)).status() for name in await target.worlds()]


def _commands() -> dict[str, str]:
    host, _, port = GRAFANA.partition(":")
    grafana = {
        "GF_PATHS_PROVISIONING": FILES / "provisioning",
        "GOAROUND_DASHBOARDS": FILES / "dashboards",
        "GF_PATHS_DATA": STATE / "grafana",
        "GF_SERVER_HTTP_ADDR": host,
        "GF_SERVER_HTTP_PORT": port,
        "GF_AUTH_ANONYMOUS_ENABLED": "true",
    }
    return {
        "prometheus": f"prometheus --config.file={FILES / 'prometheus.yml'} "
        f"--storage.tsdb.path={STATE / 'prometheus'} --web.listen-address={PROMETHEUS}",
        "grafana": f"{' '.join(f'{name}={value}' for name, value in grafana.items())} "
        "grafana server --homepath=/usr/share/grafana",
    }
