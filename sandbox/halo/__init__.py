"""The simulated Halo: API, token address and webhooks of one tenant, strict to the shared facts about Halo."""

from sandbox.halo.control import control_routes
from sandbox.halo.http import app

__all__ = ["app", "control_routes"]
