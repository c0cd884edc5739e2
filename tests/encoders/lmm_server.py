"""A real HTTP server that speaks the chat protocol, well or badly, as each request is told to."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Act = Callable[["Handler"], None]


class Server(ThreadingHTTPServer):
    """Plays one act per request, the last one again and again; remembers what it was asked."""

    daemon_threads = True

    def __init__(self, *acts: Act) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.acts = list(acts)
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.now = self.most = 0
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # clients that hang up are part of the play


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        server = self.server
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with server.lock:
            server.bodies.append(body)
            server.headers.append({name.lower(): value for name, value in self.headers.items()})
            act = server.acts.pop(0) if len(server.acts) > 1 else server.acts[0]
            server.now += 1
            server.most = max(server.most, server.now)
        try:
            act(self)
        finally:
            with server.lock:
                server.now -= 1

    def log_message(self, *about: Any) -> None:
        pass

    def send(self, status: int, data: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"content-type": "application/json", "content-length": str(len(data)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)


def says(text: str, **more: Any) -> Act:
    """A good answer."""
    document = {
        "choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 4, **more},
    }
    return lambda h: h.send(200, json.dumps(document).encode())


def status(code: int, body: bytes = b'{"error": {"message": "out of order"}}', **headers: str) -> Act:
    return lambda h: h.send(code, body, **headers)


def raw(body: bytes) -> Act:
    return lambda h: h.send(200, body)


def slow(seconds: float, then: Act) -> Act:
    def act(h: Handler) -> None:
        time.sleep(seconds)
        then(h)

    return act


def hangs_up(h: Handler) -> None:
    h.close_connection = True
    h.connection.close()


def half(h: Handler) -> None:
    """Promises a thousand bytes and sends a few."""
    h.send_response(200)
    h.send_header("content-length", "1000")
    h.end_headers()
    h.wfile.write(b'{"choices": [')
    h.wfile.flush()
    h.close_connection = True


def drips(h: Handler) -> None:
    """A byte now and then, for ever: no single silence is long."""
    h.send_response(200)
    h.send_header("content-length", "100000")
    h.end_headers()
    for _ in range(200):
        h.wfile.write(b" ")
        h.wfile.flush()
        time.sleep(0.05)


def streams(*words: str, end: bool = True, junk: bytes = b"") -> Act:
    def act(h: Handler) -> None:
        h.send_response(200)
        h.send_header("content-type", "text/event-stream")
        h.send_header("connection", "close")
        h.end_headers()
        h.wfile.write(b": hello\n\n")
        for word in words:
            event = f"data: {json.dumps({'choices': [{'delta': {'content': word}}]})}\n\n".encode()
            # Cut in the middle of a line, as networks do.
            h.wfile.write(event[:9])
            h.wfile.flush()
            h.wfile.write(event[9:])
        h.wfile.write(junk + (b"data: [DONE]\n\n" if end else b""))
        h.close_connection = True

    return act


@contextmanager
def serving(*acts: Act) -> Iterator[Server]:
    server = Server(*acts)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
