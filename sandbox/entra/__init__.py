"""Simulated Microsoft Entra: sign-in page, consent, tokens and refusals, strict to what Entra documents.

TLS with a CA of our own; the authority is the service's address followed by a tenant id or domain.
"""

from sandbox.entra.control import control_routes
from sandbox.entra.service import app

__all__ = ["app", "control_routes"]
