"""stresser: holds TLS and WebSocket sessions, dates and names every ending."""

__version__ = "0.2.0"
