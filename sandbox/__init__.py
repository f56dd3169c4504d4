"""A world to try the product in: simulated Business Central, Halo and Microsoft Entra over real sockets.

`python -m sandbox` serves it; `sandbox.server.running(World())` serves it inside a test.
"""
