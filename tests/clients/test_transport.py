"""The seam to the network: what is refused before it is sent, and what a broken answer means for a write."""

from __future__ import annotations

import asyncio
import gzip
import logging
import re
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import httpx
import pytest
import trustme

from bc.clients.tls import ssl_context
from bc.clients.transport import Answer, Transport, retry_after
from bc.errors import NotConfigured, Refused, SyncError, Transient, UnknownOutcome
from bc.settings import Secret
from tests.clients.remote import PLANTED, Remote, answer

BASE = "https://api.example.test"
BEARER = Secret(PLANTED)


@asynccontextmanager
async def raw_server(
    respond: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[str]:
    """A server on this machine that writes whatever bytes `respond` likes; yields its address."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await respond(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"


async def call(base: str, *, writes: bool, max_bytes: int = 1_000_000, timeout: float = 5) -> Answer:
    transport = Transport("bc", base, max_bytes=max_bytes)
    try:
        return await transport.send(
            "POST" if writes else "GET", "x", bearer=BEARER, writes=writes, timeout=timeout
        )
    finally:
        await transport.close()


async def failure(base: str, *, writes: bool, max_bytes: int = 1_000_000, timeout: float = 5) -> SyncError:
    with pytest.raises(SyncError) as caught:
        await call(base, writes=writes, max_bytes=max_bytes, timeout=timeout)
    shown = "".join(traceback.format_exception(caught.value)) + str(caught.value.__dict__)
    assert PLANTED not in shown
    return caught.value


def sends(raw: bytes) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    async def respond(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()

    return respond


async def resets(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def never(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.read()  # until the client goes


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data",
        "https://169.254.169.254/latest/meta-data",
        "https://evil.test/v2.0/x",
        "https://api.example.test.evil.test/x",
        "https://api.example.test@evil.test/x",
        "https://user:pass@api.example.test/x",
        "https://@api.example.test/x",
        "http://api.example.test/x",
        "https://api.example.test:8443/x",
        "//evil.test/x",
        "/\\evil.test/x",
        "https:\\\\evil.test/x",
        "https:/evil.test",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "a/../../b",
        "..",
        "a/%2e%2e/b",
        "a/%252e%252e/b",
        "a/x%2fy",
        "a/x%252fy",
        "a/x%5cy",
        "a/%00",
        "a/%25252525252e",
        "a\x00b",
        "a\nHost: evil",
        "a b",
        "a#b",
        "https://api.example.test/a#b",
        "https://[::1/x",
        "ünïcode",
        "x?" + "a" * 20_000,
    ],
)
async def test_an_address_off_the_configured_host_is_refused_and_nothing_is_sent(url: str) -> None:
    remote = Remote([answer(200, {})])
    with pytest.raises(Refused) as caught:
        await Transport("bc", BASE, transport=remote).send("GET", url, bearer=BEARER, writes=False)
    assert caught.value.code == "address_refused"
    assert remote.requests == []


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("v2.0/x/companies(1)/items", f"{BASE}/v2.0/x/companies(1)/items"),
        ("/v2.0/x", f"{BASE}/v2.0/x"),
        ("https://api.example.test:443/v2.0/x?$skiptoken=a%2F..", f"{BASE}/v2.0/x?$skiptoken=a%2F.."),
        ("HTTPS://API.example.test/x", f"{BASE}/x"),
        ("x?next=https://evil.test/..", f"{BASE}/x?next=https://evil.test/.."),
    ],
)
async def test_an_address_below_the_base_or_on_the_same_origin_is_sent_as_it_is(url: str, sent: str) -> None:
    remote = Remote([answer(200, {})])
    await Transport("bc", BASE, transport=remote).send("GET", url, bearer=BEARER, writes=False)
    assert str(remote.last.url) == sent
    assert remote.last.headers["authorization"] == f"Bearer {PLANTED}"


async def test_a_redirect_is_answered_and_not_followed() -> None:
    remote = Remote([answer(302, location="https://evil.test/")])
    got = await Transport("bc", BASE, transport=remote).send("GET", "x", bearer=BEARER, writes=False)
    assert got.status == 302
    assert len(remote.requests) == 1


async def test_cookies_of_one_answer_do_not_travel_with_the_next_request() -> None:
    remote = Remote([answer(200, {}, set_cookie="session=secret; Path=/"), answer(200, {})])
    transport = Transport("bc", BASE, transport=remote)
    for _ in range(2):
        await transport.send("GET", "x", writes=False)
    assert "cookie" not in remote.last.headers


@pytest.mark.parametrize("value", ['W/"x"\r\nX: y', "a\x00", "ü"])
async def test_a_header_that_could_split_the_request_is_refused(value: str) -> None:
    remote = Remote([answer(200, {})])
    transport = Transport("bc", BASE, transport=remote)
    with pytest.raises(Refused) as caught:
        await transport.send("PATCH", "x", headers={"If-Match": value}, writes=True)
    assert caught.value.code == "request_malformed"
    with pytest.raises(Refused) as caught:
        await transport.send("GET", "x", bearer=Secret(PLANTED + value), writes=False)
    assert PLANTED not in "".join(traceback.format_exception(caught.value))
    assert remote.requests == []


async def test_an_address_that_is_not_set_is_named() -> None:
    with pytest.raises(NotConfigured) as caught:
        await Transport("halo", "").send("GET", "x", writes=False)
    assert caught.value.code == "halo_not_configured"
    assert "HALO_URL" in caught.value.cure


async def test_fractions_are_read_as_decimals() -> None:
    remote = Remote([httpx.Response(200, content=b'\xef\xbb\xbf{"a": 0.10, "b": 3, "c": 1e2}')])
    got = await Transport("bc", BASE, transport=remote).send("GET", "x", writes=False)
    body = got.json()
    assert body == {"a": Decimal("0.10"), "b": 3, "c": Decimal(100)}
    assert str(body["a"]) == "0.10"


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"a":', b"\xff\xfe", b"[" * 100_000])
def test_what_is_not_json_is_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError):
        Answer(200, {}, body).json()


@pytest.mark.parametrize("writes", [True, False])
async def test_nothing_was_sent_when_there_is_no_connection(writes: bool) -> None:
    # F34: a closed port, a host that does not resolve, a certificate nobody vouches for.
    server = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    for base in (f"http://127.0.0.1:{port}", "https://nowhere.invalid"):
        error = await failure(base, writes=writes)
        assert type(error) is Transient
        assert error.code == "bc_unavailable"
        assert "BC_API_URL" in error.cure
        assert "no connection" in error.message
        assert "Error:" not in error.message


@pytest.mark.parametrize(
    "respond",
    [
        resets,
        sends(b""),
        sends(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}"),
        sends(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}"),
        sends(
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n"
            + gzip.compress(b"{}" * 99)[:-9]
        ),
        sends(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope"),
        sends(b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 4\r\n\r\nnope"),
        sends(b"SSH-2.0-OpenSSH\r\n\r\n"),
    ],
    ids=["reset", "closed", "short", "short-chunk", "short-gzip", "bad-gzip", "other-encoding", "not-http"],
)
async def test_a_broken_answer_leaves_a_write_unknown_and_a_read_transient(
    respond: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> None:
    async with raw_server(respond) as base:
        error = await failure(base, writes=True)
        assert type(error) is UnknownOutcome
        # In words for an admin, not the name of a class.
        assert not re.search(r"[a-z](Error|Timeout)\b", error.message)
        assert type(await failure(base, writes=False)) is Transient


async def test_a_read_timeout_leaves_a_write_unknown() -> None:
    async with raw_server(never) as base:
        assert type(await failure(base, writes=True, timeout=0.2)) is UnknownOutcome
        assert type(await failure(base, writes=False, timeout=0.2)) is Transient


async def test_an_answer_that_drips_ends_with_the_time_allowed() -> None:
    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _number in range(1000):
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.05)

    async with raw_server(drip) as base:
        error = await failure(base, writes=True, timeout=0.3)
    assert type(error) is UnknownOutcome


async def test_a_small_answer_that_grows_huge_is_cut_off() -> None:
    # F36: 20 MB of blanks in 20 kB.
    bomb = gzip.compress(b" " * 20_000_000)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    async with raw_server(sends(head + bomb)) as base:
        error = await failure(base, writes=False)
        assert (type(error), error.code) == (Transient, "answer_too_large")
        assert type(await failure(base, writes=True)) is UnknownOutcome


async def test_a_huge_answer_is_refused_by_its_announced_or_real_length() -> None:
    announced = sends(b"HTTP/1.1 200 OK\r\nContent-Length: 367001600\r\n\r\n")
    async with raw_server(announced) as base:
        assert (await failure(base, writes=False)).code == "answer_too_large"
    unannounced = sends(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"x" * 200_000)
    async with raw_server(unannounced) as base:
        assert (await failure(base, writes=False, max_bytes=100_000)).code == "answer_too_large"


async def test_gzip_is_asked_for_and_undone() -> None:
    first, second = gzip.compress(b'{"a":'), gzip.compress(b"1}")
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(first + second)
    async with raw_server(sends(head + first + second)) as base:
        assert (await call(base, writes=False)).json() == {"a": 1}


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
async def test_the_certificates_named_by_the_environment_are_trusted(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    for setting in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(setting, raising=False)
    import ssl

    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(server_side)
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(reply)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=server_side)
    async with server:
        base = f"https://localhost:{server.sockets[0].getsockname()[1]}"
        assert type(await failure(base, writes=True)) is Transient
        monkeypatch.setenv(name, str(bundle))
        assert (await call(base, writes=True)).status == 200
    assert ssl_context() is ssl_context()


def test_a_certificate_setting_that_names_nothing_is_said_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "nowhere.pem")
    with pytest.raises(NotConfigured) as caught:
        ssl_context()
    assert "SSL_CERT_FILE" in caught.value.message


NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Retry-After": "120"}, timedelta(seconds=120)),
        ({"retry-after": " 1.5 "}, timedelta(seconds=1.5)),
        ({"Retry-After": "-5"}, timedelta(0)),
        ({"Retry-After": "0"}, timedelta(0)),
        ({"Retry-After": "259200"}, timedelta(days=3)),
        ({"Retry-After": "1e30"}, timedelta(days=366)),
        ({"Retry-After": "-1e30"}, timedelta(0)),
        ({"Retry-After": "Mon, 23 Nov 2026 12:05:00 GMT"}, timedelta(minutes=5)),
        ({"Retry-After": "Mon, 23 Nov 2026 11:05:00 GMT"}, timedelta(0)),
        ({"Retry-After": "Thu, 26 Nov 2026 12:00:00 GMT"}, timedelta(days=3)),
        (
            {"Retry-After": "Mon, 23 Nov 2026 12:05:00 GMT", "Date": "Mon, 23 Nov 2026 12:04:00 GMT"},
            timedelta(minutes=1),
        ),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": ""}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read_in_each_of_its_forms(headers: dict[str, str], wait: timedelta | None) -> None:
    assert retry_after(headers, NOW) == wait


async def test_the_libraries_below_say_nothing_at_info_and_ours_no_secret(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    remote = Remote([answer(200, {})])
    await Transport("bc", BASE, transport=remote).send(
        "GET", "x?$filter=email eq 'a@b.test'".replace(" ", "%20"), bearer=BEARER, writes=False
    )
    assert not [record for record in caplog.records if record.name.startswith(("httpx", "httpcore", "azure"))]
    assert PLANTED not in caplog.text
    assert "a@b.test" not in caplog.text
