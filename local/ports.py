"""Ports on loopback."""

import socket
import time

from local.settings import BadConfiguration


def bind(port: int) -> socket.socket:
    """A socket bound to loopback that does not listen yet. Raises `BadConfiguration` for a busy port."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(("127.0.0.1", port))
    except OSError as error:
        bound.close()
        raise BadConfiguration(
            f"Port {port} cannot be used: {error.strerror}. Choose another with PORT=8080 make run (or --port)."
        ) from None
    return bound


def free_port() -> int:
    """A port nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_refused(port: int, seconds: float = 5) -> bool:
    """Whether connections to a loopback port are refused within `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return True
        time.sleep(0.05)
    return False
