"""The application around the models: queue, worker, library, export, commands and window. Imports no torch."""

__version__ = "0.1.0"
