"""Locust's web UI, extended: fields that are validated, a tab of edges, a chart with phases, and links to reports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from flask import Response, abort, jsonify, request, send_file
from locust.env import Environment

from loadtests.options import HERE
from loadtests.session import Session

SCRIPT = Path(__file__).with_name("panel.js")
PANEL = '<div id="goaround"></div><script src="goaround/panel.js"></script>'
TAB = "edges"
COLUMNS = {
    "name": "Edge",
    "calls": "Calls",
    "attempts": "Attempts",
    "retries": "Retries",
    "timeouts": "Timeouts",
    "rejects": "Rejected at once",
    "ejections": "Ejections",
    "ejected": "Ejected now",
    "opens": "Breaker opened",
    "breakers": "Breakers now",
}


def extend(web_ui: Any, environment: Environment, session: Session) -> None:
    """Add everything to a web UI that has not been started yet."""
    app = web_ui.app
    web_ui.template_args["extended_tabs"] = [{"key": TAB, "title": "Edges"}]
    structure = [{"key": key, "title": title} for key, title in COLUMNS.items()]
    web_ui.template_args["extended_tables"] = [{"key": TAB, "structure": structure}]

    def validate() -> Response | None:
        """Say in the form why it cannot be run; Locust would answer a bad value with an error 500, or take it."""
        if request.method != "POST" or not request.path.endswith("/swarm"):
            return None
        problems = session.problems({**vars(environment.parsed_options), **request.form.to_dict()})
        return jsonify({"success": False, "message": "; ".join(problems), "host": HERE}) if problems else None

    def show(response: Response) -> Response:
        """Put the edges into the statistics that the page polls, and our panel under the page."""
        if request.path.endswith("/stats/requests") and response.is_json:
            extended = [{"key": TAB, "data": list(session.board.edges)}]
            response.set_data(json.dumps({**json.loads(response.get_data()), "extended_stats": extended}))
        elif request.endpoint == "locust.index" and response.mimetype == "text/html":
            response.set_data(response.get_data(as_text=True).replace("</body>", f"{PANEL}</body>"))
        return response

    def report(run: str) -> Response:
        """Only what was kept here has a report here."""
        path = next((Path(kept["report"]) for kept in session.board.kept if kept["run"] == run), None)
        if path is None:
            abort(404)
        return send_file(path, mimetype="text/html" if path.suffix == ".html" else "text/plain")

    app.before_request(validate)
    app.after_request(show)
    for rule, view in (
        ("panel.js", lambda: send_file(SCRIPT, mimetype="text/javascript", max_age=0)),
        ("state", lambda: jsonify(session.board.state())),
        ("report/<run>", report),
    ):
        name = rule.partition("/")[0].partition(".")[0]
        app.add_url_rule(f"{_base(environment)}/goaround/{rule}", endpoint=f"goaround-{name}", view_func=view)
    # a browser asks for it beside a report; Locust's pages name theirs
    app.add_url_rule("/favicon.ico", endpoint="goaround-icon", view_func=lambda: Response(status=204))


def _base(environment: Environment) -> str:
    """Give the path under which Locust serves its pages; empty as a rule."""
    return str(getattr(environment.parsed_options, "web_base_path", None) or "")
