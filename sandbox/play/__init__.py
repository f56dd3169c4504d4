"""The page to play with, under `/play` of the control server: Halo's and Business Central's records side by side.

The page's buttons call the services' own control routes; the routes here only show.
"""

from sandbox.play.routes import routes

__all__ = ["routes"]
