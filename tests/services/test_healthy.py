from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from services.healthy import ready


class Service(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status if self.path == "/readyz" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    with HTTPServer(("127.0.0.1", 0), type("Own", (Service,), {})) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False)])
def test_a_container_is_healthy_when_its_service_says_that_it_is_ready(
    server: HTTPServer, status: int, healthy: bool
) -> None:
    server.RequestHandlerClass.status = status  # type: ignore[attr-defined]
    assert ready({"PORT": str(server.server_port)}) is healthy


def test_a_container_in_which_nobody_listens_is_not_healthy(server: HTTPServer) -> None:
    port = server.server_port
    server.server_close()
    assert not ready({"PORT": str(port)})
