"""The report's plots, as SVG."""

from pathlib import Path
from xml.sax.saxutils import escape

WIDTH, HEIGHT, LEFT, TOP = 900, 240, 80, 30
COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7"]


def panel(title: str, series: dict[str, list[tuple[float, float]]], marks: list[tuple[float, str]],
          seconds: float, y: int) -> str:
    """One plot: lines over time, and a vertical line for each fault."""
    highest = max((value for points in series.values() for _, value in points), default=0) or 1
    seconds = max(seconds, 1)
    width, height = WIDTH - LEFT - 20, HEIGHT - TOP - 30

    def at(time: float, value: float) -> str:
        return f"{LEFT + width * time / seconds:.1f},{TOP + height * (1 - value / highest):.1f}"

    parts = [f'<g transform="translate(0,{y})"><text x="{LEFT}" y="18" font-weight="bold">{escape(title)}</text>',
             f'<path d="M{at(0, highest)} L{at(0, 0)} L{at(seconds, 0)}" fill="none" stroke="#888"/>',
             f'<text x="{LEFT - 6}" y="{TOP + 5}" text-anchor="end">{highest:,.0f}</text>',
             f'<text x="{LEFT - 6}" y="{TOP + height}" text-anchor="end">0</text>',
             f'<text x="{LEFT + width}" y="{TOP + height + 16}" text-anchor="end">{seconds:.0f} s</text>']
    for time, what in marks:
        parts.append(f'<path d="M{at(time, 0)} L{at(time, highest)}" stroke="#ccc"><title>{escape(what)}</title></path>')
    for number, (name, points) in enumerate(series.items()):
        colour = COLOURS[number % len(COLOURS)]
        line = " ".join(at(*point) for point in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        parts.append(f'<text x="{LEFT + 220 + 160 * number}" y="18" fill="{colour}">{escape(name)}</text>')
    return "\n".join([*parts, "</g>"])


def write(path: Path, panels: list[tuple[str, dict]], marks: list[tuple[float, str]], seconds: float) -> None:
    body = "\n".join(panel(title, series, marks, seconds, HEIGHT * number)
                     for number, (title, series) in enumerate(panels))
    path.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT * len(panels)}" '
                    f'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="#fff"/>\n'
                    f"{body}\n</svg>\n")
