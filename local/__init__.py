"""The local Functions host: Microsoft's worker library runs the app, this package is the host around it."""
