"""Who entered and left one section: one record for each frame."""

from __future__ import annotations

import json

from aiohttp import web

from services.airport.messages import InvalidError, Statistics, moment
from services.runtime import incoming
from services.runtime.pod import Application, Pod
from services.runtime.settings import Settings
from services.runtime.store import Store


class Section:
    """Takes statistics and lists persons."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store

    async def status(self, _request: web.Request) -> web.Response:
        """Answer who this is."""
        return web.Response(text=f"Section {self._settings.section_id} {self._settings.service_version} : Online")

    async def add(self, request: web.Request) -> web.Response:
        """Store the Statistics of one frame: 201, or 200 if they are stored already."""
        statistics = Statistics.from_json(await incoming.body(request))
        if statistics.section != self._settings.section_id:
            raise InvalidError([f"statistics.section: must be {self._settings.section_id}, which this section is"])
        at = moment(statistics.timestamp).timestamp()
        body = json.dumps(statistics.to_json())
        new = await self._store.add(statistics.frame, at, len(statistics.persons), body)
        return web.json_response({"stored": new}, status=201 if new else 200)

    async def persons(self, request: web.Request) -> web.Response:
        """List persons, or count them; `departed` keeps those who left (true) or came (false)."""
        start, end = incoming.span(request.query)
        count = incoming.choice(request.query, "aggregate", ("count",))
        departed = incoming.choice(request.query, "departed", ("true", "false"))
        event = {"true": "exit", "false": "entry", None: None}[departed]
        persons = [
            person
            for record in await self._store.between(start, end)
            for person in json.loads(record.body)["persons"]
            if event in (None, person["event"])
        ]
        return web.json_response({"count": len(persons)} if count else {"persons": persons})


def build(pod: Pod) -> Application:
    """Make the service. Raises StoreError."""
    settings = pod.settings
    store = Store.of(settings)
    section = Section(settings, store)
    routes = [
        web.get("/status", section.status),
        web.post("/persons", section.add),
        web.get("/persons", section.persons),
    ]
    return Application(routes, reset=store.clear, stored=store.counts, close=store.close)
