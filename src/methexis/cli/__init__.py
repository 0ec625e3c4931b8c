"""The command ``methexis``: one verb per job."""

from methexis.cli.app import main

__all__ = ["main"]
