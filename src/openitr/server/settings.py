"""What a server may do and what one request may cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_MIB = 1 << 20


@dataclass(frozen=True)
class Settings:
    """Choices of the person who starts a server; the defaults suit one machine and its owner.

    Args:
        host, port: Where it listens; the host is one of the names a request may give as ``Host``.
        read_only: Nothing can be removed, indexed or otherwise changed.
        api_key: What requests must carry; None asks for none.
        allow_folders: Folders that jobs may index or read, and that links inside an indexed folder may point to.
        allow_hosts: Further names a request may give as ``Host``, such as that of a proxy in front.
        show_paths: Answers may name folders of the server's disk.
        rate_limit: Requests per second and client, with bursts of twice as many; 0 sets no limit.
        max_body: Bytes of one request.
        max_bodies: Bytes of all requests that are being received.
        header_seconds, body_seconds: How long a client may take to send its request.
        write_seconds: How long a client may leave a piece of an answer unread.
        max_connections: Open at a time; a further one is answered 503.
        max_waiting: Calls of one kind that wait for their turn before a further one is answered 503.
        workers: Processes beside the server that answer searches in words; 0 leaves all to the server.
        rerankers, composers: Trained models by the names that requests may say; no request names a folder.
        state_folder: Where the queue of jobs is kept; None is a folder beside the user's collections.

    >>> Settings(port=9000).base
    'http://127.0.0.1:9000'
    """

    host: str = "127.0.0.1"
    port: int = 8000
    read_only: bool = False
    api_key: str | None = None
    allow_folders: Sequence[Path] = ()
    allow_hosts: Sequence[str] = ()
    show_paths: bool = False
    rate_limit: float = 0.0
    max_body: int = 32 * _MIB
    max_bodies: int = 256 * _MIB
    header_seconds: float = 10.0
    body_seconds: float = 30.0
    write_seconds: float = 60.0
    max_connections: int = 512
    max_waiting: int = 256
    workers: int = 0
    rerankers: Mapping[str, Path] = field(default_factory=dict)
    composers: Mapping[str, Path] = field(default_factory=dict)
    state_folder: Path | None = None

    @property
    def base(self) -> str:
        """The address, as people type it."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::", "") else self.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"
