"""The simulated Business Central online: standard API v2.0 over HTTP, for one tenant with its environments."""

from sandbox.bc.control import control_routes
from sandbox.bc.http import app

__all__ = ["app", "control_routes"]
