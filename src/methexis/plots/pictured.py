"""What results share that are one picture: the method `plot`, which draws it on axes.

A result says with plain values what is drawn (`Pictured._picture`), which a page takes as well.
Matplotlib is loaded with the first picture that is asked for, not with the class of a result.
"""

from __future__ import annotations

from methexis import plots


class Pictured:
    """What is drawn as one picture, which needs no words to choose it."""

    def _picture(self) -> plots.Panel | plots.HeatMap:
        """The picture that `plot` draws, as data."""
        raise NotImplementedError

    def plot(self, ax: plots.Axes | None = None) -> plots.Axes:
        """Draw it; what is drawn is said by its class.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; on a new figure by default.

        Returns
        -------
        matplotlib Axes

        Raises
        ------
        MethexisError
            If ``ax`` are no axes, or there is no number that could be drawn.
        """
        return plots.onto(ax, self._picture())
