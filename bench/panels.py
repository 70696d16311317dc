"""Draws the panels of a dashboard file: where its `gridPos` says, with its titles.

In go the panels and, for each, the series that Prometheus answered; out comes a PNG.
It is a likeness, made with matplotlib: Grafana has colours and a legend of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyBboxPatch
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, MaxNLocator, MultipleLocator

_WIDE = 1600
_COLUMNS = 24
_ROW = 32
"""Pixels of one step of gridPos downwards; in Grafana it is about 38."""
_DPI = 100
_TICK = 30
"""Seconds from one mark of the time to the next."""
_GAP = 4
_INK, _QUIET, _LINE = "#24292e", "#6a737d", "#d8dce1"
_COLOURS = (
    *("#3274d9", "#e0752d", "#37872d", "#8f3bb8", "#c4162a", "#b58900"),
    *("#1f9e9e", "#e05f9c", "#6d5f4b", "#7eb26d", "#5b6ee1", "#888888"),
)
_THOUSAND = 1000
_UNITS = {"short": "", "s": "s", "reqps": "/s"}


class NotDrawn(Exception):
    """A panel is of a kind or has a unit that cannot be drawn here."""


@dataclass
class Series:
    """A line of a panel: its name in the legend, and (seconds since begin, value)."""

    name: str
    points: list[tuple[float, float]] = field(default_factory=list)


def draw(
    panels: list[dict[str, Any]],
    found: list[list[Series]],
    seconds: float,
    path: Path,
) -> None:
    """Draw panels with the series of each, in the same order, from 0 to `seconds`.

    Raises:
        NotDrawn: there is a panel of another kind than row, stat and timeseries.
    """
    steps = max(one["gridPos"]["y"] + one["gridPos"]["h"] for one in panels)
    high = steps * _ROW + 2 * _GAP
    with mpl.rc_context({"font.size": 8, "text.color": _INK, "axes.linewidth": 0.6}):
        figure = plt.figure(figsize=(_WIDE / _DPI, high / _DPI), dpi=_DPI)
        figure.patch.set_facecolor("#f4f5f5")
        for panel, series in zip(panels, found, strict=True):
            grid = panel["gridPos"]
            step = _WIDE / _COLUMNS
            box = _Box(
                figure,
                grid["x"] * step + _GAP,
                high - _GAP - (grid["y"] + grid["h"]) * _ROW + _GAP,
                grid["w"] * step - 2 * _GAP,
                grid["h"] * _ROW - 2 * _GAP,
            )
            _panel(box, panel, series, seconds)
        figure.savefig(path)
        plt.close(figure)


@dataclass
class _Box:
    """A rectangle of the picture, in pixels from the left and from below."""

    figure: Figure
    left: float
    below: float
    wide: float
    high: float

    def text(self, x: float, y: float, text: str, **how: Any) -> Text:
        """Write at pixels from the left and from below of the rectangle."""
        wide, high = self.figure.get_size_inches() * _DPI
        return self.figure.text(
            (self.left + x) / wide, (self.below + y) / high, text, **how
        )

    def frame(self) -> None:
        """Draw the rectangle itself."""
        wide, high = self.figure.get_size_inches() * _DPI
        self.figure.add_artist(
            FancyBboxPatch(
                (self.left / wide, self.below / high),
                self.wide / wide,
                self.high / high,
                boxstyle="square,pad=0",
                facecolor="white",
                edgecolor=_LINE,
                linewidth=0.8,
                zorder=-1,
            )
        )

    def axes(self, left: float, below: float, right: float, above: float) -> Axes:
        """Return axes that leave so many pixels free on each side."""
        wide, high = self.figure.get_size_inches() * _DPI
        return self.figure.add_axes(
            (
                (self.left + left) / wide,
                (self.below + below) / high,
                (self.wide - left - right) / wide,
                (self.high - below - above) / high,
            )
        )


def _panel(
    box: _Box, panel: dict[str, Any], series: list[Series], seconds: float
) -> None:
    kind, title = panel["type"], panel["title"]
    if kind == "row":
        box.text(4, box.high / 2, title, va="center", fontsize=11, weight="bold")
        return
    unit = panel["fieldConfig"]["defaults"]["unit"]
    if kind not in {"stat", "timeseries"} or unit not in _UNITS:
        raise NotDrawn(f"{title}: {kind} in {unit}")
    box.frame()
    box.text(9, box.high - 17, title, fontsize=9, weight="bold")
    if not series:
        middle = {"ha": "center", "va": "center", "color": _QUIET, "fontsize": 11}
        box.text(box.wide / 2, box.high / 2 - 8, "No data", **middle)
    elif kind == "stat":
        _stat(box, unit, series)
    else:
        axes = _lines(box, unit, series)
        axes.set_xlim(0, seconds)
        axes.xaxis.set_major_locator(MultipleLocator(_TICK))


def _stat(box: _Box, unit: str, series: list[Series]) -> None:
    """Write the last value of each series, as `lastNotNull` has it."""
    told = "  ".join(_shown(one.points[-1][1], unit) for one in series)
    box.text(
        box.wide / 2,
        box.high / 2 - 10,
        told,
        fontsize=26,
        ha="center",
        va="center",
        color="#37872d",
    )


def _lines(box: _Box, unit: str, series: list[Series]) -> Axes:
    """Draw a line for each series, from 0 upwards, with a legend below."""
    looks = [_look(at) for at in range(len(series))]
    below = _legend(box, [one.name for one in series], looks)
    axes = box.axes(62, below + 22, 18, 34)
    for one, look in zip(series, looks, strict=True):
        x, y = [p[0] for p in one.points], [p[1] for p in one.points]
        axes.plot(x, y, **look, linewidth=1.4, clip_on=False)
    top = max(value for one in series for _, value in one.points)
    axes.set_ylim(0, top * 1.05 or 1)
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=unit == "short"))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: _shown(y, unit)))
    axes.xaxis.set_major_formatter(
        FuncFormatter(lambda x, _: f"{int(x) // 60}:{int(x) % 60:02}")
    )
    axes.tick_params(labelsize=8, colors=_QUIET, length=0)
    axes.grid(color=_LINE, linewidth=0.5)
    for side in axes.spines.values():
        side.set_visible(False)
    return axes


def _look(at: int) -> dict[str, Any]:
    """Return how a line looks: each colour whole first, then in dashes."""
    dashes, colour = divmod(at, len(_COLOURS))
    return {"color": _COLOURS[colour], "linestyle": (0, (2, 0.8)) if dashes else "-"}


def _legend(box: _Box, names: list[str], looks: list[dict[str, Any]]) -> float:
    """Write a legend in as many lines as it takes; return how high it is."""
    placed: list[tuple[Text, float, int]] = []
    x, line = 10.0, 0
    for name in names:
        text = box.text(0, 0, name, fontsize=8, color=_INK)
        wide = text.get_window_extent().width + 32
        if x + wide > box.wide and x > 10:
            x, line = 10.0, line + 1
        placed.append((text, x, line))
        x += wide
    whole_wide, whole_high = box.figure.get_size_inches() * _DPI
    for (text, x, at), look in zip(placed, looks, strict=True):
        y = box.below + 8 + (line - at) * 14
        text.set_position(((box.left + x + 18) / whole_wide, y / whole_high))
        ends = [(box.left + x + one) / whole_wide for one in (0, 13)]
        height = (y + 3.5) / whole_high
        box.figure.add_artist(Line2D(ends, [height, height], **look, linewidth=2.5))
    return 8 + (line + 1) * 14


def _shown(value: float, unit: str) -> str:
    """Return a value as a dashboard shows it: 0.25 s is 250 ms, 150 s is 2.5 min."""
    if unit == "s":
        for least, factor, name in (
            (120, 60, "min"),
            (1, 1, "s"),
            (0.001, 0.001, "ms"),
        ):
            if abs(value) >= least:
                return f"{value / factor:.3g} {name}"
        return f"{value * 1e6:.3g} µs" if value else "0 s"
    number = f"{value / _THOUSAND:.3g} K" if abs(value) >= _THOUSAND else f"{value:.3g}"
    return f"{number} {_UNITS[unit]}".rstrip()
