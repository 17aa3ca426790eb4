"""The alerts: one record for each frame that showed a person of interest; each is passed on to momentum."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from services.airport.messages import Alert, moment
from services.runtime import incoming
from services.runtime.failures import failures, refusal
from services.runtime.pod import Application, Pod
from services.runtime.store import Record, Store


class Alerts:
    """Takes, lists and deletes alerts."""

    def __init__(self, pod: Pod, store: Store) -> None:
        self._version = pod.settings.service_version
        self._clients = pod.clients
        self._store = store

    async def status(self, _request: web.Request) -> web.Response:
        """Answer who this is."""
        return web.Response(text=f"Alerts {self._version} : Online")

    async def add(self, request: web.Request) -> web.Response:
        """Store an alert, then tell momentum: 201, 200 if it was stored already, a gateway's status if momentum fails.

        A repeated alert is told to momentum again, because the first time may have failed just there.
        """
        alert = Alert.from_json(await incoming.body(request))
        message = alert.to_json()
        at = moment(alert.timestamp).timestamp()
        new = await self._store.add(alert.frame, at, len(alert.names), json.dumps(message))
        failed = failures("momentum", await self._clients["momentum"].post("/alert", json=message))
        return refusal(failed) if failed else web.json_response({"stored": new}, status=201 if new else 200)

    async def list(self, request: web.Request) -> web.Response:
        """List alerts without their images, or count them."""
        start, end = incoming.span(request.query)
        count = incoming.choice(request.query, "aggregate", ("count",))
        records = await self._store.between(start, end)
        if count:
            return web.json_response({"count": len(records)})
        alerts = [_alert(record) for record in records]
        for alert in alerts:
            del alert["image"]
        return web.json_response({"alerts": alerts})

    async def get(self, request: web.Request) -> web.Response:
        """Answer one alert, image included."""
        record = await self._store.get(int(request.match_info["id"]))
        return _unknown(request) if record is None else web.json_response(_alert(record))

    async def delete(self, request: web.Request) -> web.Response:
        """Delete one alert."""
        deleted = await self._store.delete(int(request.match_info["id"]))
        return web.Response(status=204) if deleted else _unknown(request)


def _alert(record: Record) -> dict[str, Any]:
    return {"id": record.id, **json.loads(record.body)}


def _unknown(request: web.Request) -> web.Response:
    return web.json_response({"error": f"no alert {request.match_info['id']}"}, status=404)


def build(pod: Pod) -> Application:
    """Make the service. Raises StoreError."""
    store = Store.of(pod.settings)
    alerts = Alerts(pod, store)
    routes = [
        web.get("/status", alerts.status),
        web.post("/", alerts.add),
        web.get("/", alerts.list),
        web.get(r"/{id:\d{1,18}}", alerts.get),
        web.delete(r"/{id:\d{1,18}}", alerts.delete),
    ]
    return Application(routes, reset=store.clear, stored=store.counts, close=store.close)
