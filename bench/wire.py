"""A relay in front of a server that counts requests and the bytes of both directions, whichever client made them."""

from __future__ import annotations

import re
import socket
import threading
from collections import Counter
from types import TracebackType
from typing import Self
from urllib.parse import unquote, urlsplit

# A client sends the next request when it has its answer, so each begins what is read from it. The parts of a
# transaction look alike, but stand behind a line of their envelope.
_REQUEST = re.compile(rb"(GET|POST|PUT|PATCH|MERGE|DELETE) (\S+) HTTP/1\.1\r\n")
# Whose rows a request to a table or queue is about; a transaction names it in its first part.
_PARTITION = re.compile(
    rb"PartitionKey(?:=|%20eq%20|\+eq\+|\"\s*:\s*\"|%3D)(?:'|%27|)(.{1,150}?)(?:'|%27|\"|,|&| )", re.DOTALL
)
_PART = re.compile(rb"\r\n(?:PUT|PATCH|MERGE|POST|DELETE) http")
_SUBJECT = re.compile(rb"/(?:(bc[A-Z][A-Za-z]{2,15})(?=[(?\s])|(entity-sync|pump|import-pages)(?=[-/?\s]))")


class Wire:
    """Listens on a port of its own; `url` stands for the server's."""

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        self._target = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.sent = 0
        self.received = 0
        self.requests = 0
        self.kinds: Counter[str] = Counter()
        self.partitions: Counter[tuple[str, str]] = Counter()
        """Rows asked for or written, by table and partition; a query is one, the rows that it brings are not counted."""
        threading.Thread(target=self._accept, daemon=True).start()

    def clear(self) -> None:
        with self._lock:
            self.sent = self.received = self.requests = 0
            self.kinds.clear()
            self.partitions.clear()

    def _count(self, data: bytes) -> None:
        if request := _REQUEST.match(data):
            self.requests += 1
            subject = _SUBJECT.search(data)
            method = "transaction" if request[2].endswith(b"/$batch") else request[1].decode()
            named = (subject[1] or subject[2]).decode() if subject else "?"
            self.kinds[f"{method} {named}"] += 1
            partition = _PARTITION.search(data)
            rows = max(1, len(_PART.findall(data))) if method == "transaction" else 1
            self.partitions[named, unquote(partition[1].decode()) if partition else ""] += rows

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
            except OSError:
                return
            for source, sink, up in ((client, server, True), (server, client, False)):
                threading.Thread(target=self._pump, args=(source, sink, up), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, up: bool) -> None:
        try:
            while data := source.recv(1 << 16):
                sink.sendall(data)
                with self._lock:
                    if up:
                        self.sent += len(data)
                        self._count(data)
                    else:
                        self.received += len(data)
        except OSError:
            return
        finally:
            for end in (source, sink):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue
