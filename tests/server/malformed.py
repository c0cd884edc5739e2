"""Requests that no good client sends, the same for the same seed."""

from __future__ import annotations

import json
import random

_PATHS = (
    "/v1/search", "/v1/items", "/v1/items/1", "/v1/items/1/thumbnail", "/v1/items/1/file", "/v1/items/remove",
    "/v1/items/export", "/v1/jobs", "/v1/collections/photos", "/v1/collections/photos/fields",
    "/v1/collections/photos/skipped", "/v1/embed", "/v1/explain", "/v1/eval",
    "/v1/session", "/v1/models", "/mcp", "/static/js/app.js", "/", "/metrics",
)  # fmt: skip
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "BREW", "get")
_KINDS = (
    "application/json",
    "multipart/form-data; boundary=x",
    "multipart/form-data",
    "text/plain",
    "image/png",
    "a\tb",
)
_GOOD = {
    "/v1/search": {"text": "red", "image": 1, "not": ["blue"], "where": {"width": {"gte": 3}}, "k": 3, "offset": 0},
    "/v1/embed": {"texts": ["red"]},
    "/v1/explain": {"id": 1, "text": "red", "grid": 3},
    "/v1/items/remove": {"ids": [10**9]},
    "/v1/items/export": {"ids": [1]},
    "/v1/jobs": {"kind": "index", "folder": "/nowhere"},
    "/v1/eval": {"data": "/nowhere"},
    "/v1/session": {"key": "x"},
}
_VALUES = (
    None, True, -1, 0, 2**63, 2**200, 1e308, "", " ", "\x00", "'; DROP TABLE items; --", "../../etc/passwd", [], {},
    [[]], "a" * 5000, "%s%n", "\u202e", "😀", {"eq": 1}, ["x"] * 200, "http://169.254.169.254/",
    "data:image/png;base64,AAAA",
)  # fmt: skip


def malformed(seed: int) -> bytes:
    """One request as raw bytes, wrong in one way or several; it asks for the connection to be closed."""
    rng = random.Random(seed)
    path = rng.choice(_PATHS)
    method = rng.choice(_METHODS) if rng.random() < 0.3 else ("POST" if path in _GOOD else "GET")
    if rng.random() < 0.2:
        path = _spoiled(path, rng)
    if rng.random() < 0.2:
        path += "?" + "&".join(f"{rng.choice(['limit', 'where', 'k', 'collection'])}={_odd(rng)}" for _ in range(3))
    body = _body(path, rng)
    kind = "application/json" if rng.random() < 0.7 else rng.choice(_KINDS)
    head = [f"{method} {path} HTTP/1.1", "Host: localhost", "Connection: close", f"Content-Type: {kind}"]
    if rng.random() < 0.1:
        head.append(f"X-Odd: {_odd(rng)}")
    if rng.random() < 0.1:
        head[1] = rng.choice(["Host: evil.example", "Host:", "Host: localhost:99999999", "Hst: localhost"])
    length = len(body) if rng.random() < 0.9 else rng.choice([len(body) + 5, max(0, len(body) - 5), -1, "x", 10**12])
    if rng.random() < 0.1:
        head.append("Transfer-Encoding: chunked")
        body = rng.choice([b"zz\r\n", b"5\r\nabc", b"0\r\n\r\n", b"ffffffffffffffff\r\n"]) + body
    else:
        head.append(f"Content-Length: {length}")
    raw = "\r\n".join(head).encode("utf-8", "replace") + b"\r\n\r\n" + body
    if rng.random() < 0.1:
        place = rng.randrange(len(raw))
        raw = raw[:place] + rng.randbytes(rng.randrange(1, 20)) + raw[place:]
    return raw


def _body(path: str, rng: random.Random) -> bytes:
    good = _GOOD.get(path)
    if good is None or rng.random() < 0.15:
        return rng.choice([b"", b"{", b"[" * 50_000, b"\xff\xfe\x00", b"null", rng.randbytes(200), b'{"a":' * 2000])
    spoiled: dict[str, object] = dict(good)
    for _ in range(rng.randrange(1, 3)):
        spoiled[rng.choice([*spoiled, "extra"])] = rng.choice(_VALUES)
    return json.dumps(spoiled).encode()


def _spoiled(path: str, rng: random.Random) -> str:
    return rng.choice(
        [path + "/", path * 20, path.replace("1", str(2**70)), path.replace("/", "//"), path + "/%00", path + "/../..",
         path.replace("1", "-1"), path + "%ff", path + "/..%2f..%2fetc%2fpasswd", path.upper()]
    )  # fmt: skip


def _odd(rng: random.Random) -> str:
    return rng.choice(["", "-1", "x" * 300, "%00", "%ff%fe", "1e9", "width>=", "=", "a|b", "99999999999999999999", "ü"])
