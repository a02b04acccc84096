"""The chosen head as a drawing that scales: the sentence with its arcs, and the matrix, as the picture shows them."""

from __future__ import annotations

from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

from components.attention import HeadMap
from components.views.attention.export_view import Shown, shown
from components.views.attention.payload import Look

# The light theme: a drawing is for paper.
PAPER, PANEL, INK, ACCENT, ORANGE, GREY = "#FCFBF8", "#F3F0E9", "#1D1C24", "#1F5FA8", "#C08400", "#6F6C64"
_CIVIDIS = ("FDE737", "E3CB4F", "C4B056", "A89A66", "8F8771", "787776", "61666F", "48546D", "2A416C", "00224E")
SHADES = 64
ARCS = 200
FAINT = 0.04


def _rgb(colour: str) -> NDArray[np.float64]:
    return np.array([int(colour[at : at + 2], 16) for at in (0, 2, 4)], dtype=np.float64)


def _mix(one: NDArray[np.float64], other: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    mixed: NDArray[np.float64] = one + (other - one) * share
    return mixed


def colour(strength: float, unit: str = "weight") -> str:
    """The picture's own scale in the light theme: nothing is the panel, strong is dark; a ratio goes both ways."""
    if unit == "ratio":
        end = np.array([31, 95, 168] if strength < 0 else [181, 88, 10], dtype=np.float64)
        made = _mix(_rgb(PAPER[1:]), end, abs(strength))
    else:
        panel = _rgb(PANEL[1:])
        t = max(0.0, min(1.0, strength)) ** 0.675  # sqrt, then 1.35: as the picture does
        place = t * (len(_CIVIDIS) - 1)
        low = min(len(_CIVIDIS) - 2, int(place))
        made = _mix(_rgb(_CIVIDIS[low]), _rgb(_CIVIDIS[low + 1]), place - low)
        if t < 0.15:
            made = _mix(panel, made, 0.35 + t / 0.15 * 0.65)
        made = _mix(panel, made, min(1, 0.1 + t / 0.38))
    return "#" + "".join(f"{round(part):02X}" for part in made)


def say(value: float, unit: str) -> str:
    """A number as the picture writes it."""
    if unit == "weight":
        return f"{value:.3f}"
    return f"× {value:.3g}" if unit == "ratio" else f"{value:.3g}"


def _text(x: float, y: float, words: str, *, size: float = 15, anchor: str = "middle", more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:.3g}" text-anchor="{anchor}" {more}>{escape(words)}</text>'


def _sentence(drawn: Shown, width: float) -> tuple[list[str], float, float]:
    """The words under their arcs: parts, width and height. A sentence that is too long for a line stands."""
    n = len(drawn.labels)
    sizes = [max(18.0, len(label) * 9.1 + 9) for label in drawn.labels]
    standing = sum(sizes) > 1300
    if standing:
        sizes = [21.0] * n
    between = min(22.0, max(0.0, (width - sum(sizes)) / max(1, n - 1)))
    starts = np.cumsum([0.0, *[size + between for size in sizes[:-1]]])
    middles = [float(start) + size / 2 for start, size in zip(starts, sizes, strict=True)]
    wide = float(starts[-1]) + sizes[-1]
    roof = max(96.0, min(168.0, wide * 0.2))

    def path(q: int, k: int, style: str) -> str:
        lift = (min(roof - 22, abs(middles[q] - middles[k]) / 2 * 0.85 + 6)) * 1.33
        a, b, y = middles[k], middles[q], roof + 8
        bend = f"C {a:.1f} {y - lift:.1f}, {b:.1f} {y - lift:.1f}, {b:.1f} {y:.1f}"
        return f'<path d="M {a:.1f} {y:.1f} {bend}" {style}/>'

    parts = [f'<g fill="none" stroke="{GREY}">']
    for q, k in _pairs(drawn, themselves=False):
        strong = float(drawn.strength[q, k])
        parts.append(path(q, k, f'stroke-width="{0.8 + 5.4 * strong:.2f}" stroke-opacity="{0.16 + 0.5 * strong:.2f}"'))
    parts.append("</g>")
    if drawn.pinned and drawn.pinned[0] != drawn.pinned[1]:
        q, k = drawn.pinned
        value, strong = float(drawn.values[q, k]), abs(float(drawn.strength[q, k]))
        parts.append(path(q, k, f'fill="none" stroke="{ACCENT}" stroke-width="{1 + 6.5 * strong:.2f}"'))
        lift = min(roof - 22, abs(middles[q] - middles[k]) / 2 * 0.85 + 6)
        bold = f'fill="{ACCENT}" font-weight="700"'
        parts.append(_text((middles[q] + middles[k]) / 2, roof + 1 - lift, say(value, drawn.unit), more=bold))
    long = max(len(label) for label in drawn.labels)
    for at, (middle, label) in enumerate(zip(middles, drawn.labels, strict=True)):
        more = f'fill="{_ink(drawn, at)}"' + (' font-weight="700"' if drawn.pinned and at in drawn.pinned else "")
        if standing:
            turned = f'{more} transform="rotate(90 {middle - 5:.1f} {roof + 14:.1f})"'
            parts.append(_text(middle - 5, roof + 14, label, anchor="start", more=turned))
        else:
            parts.append(_text(middle, roof + 27, label, more=more))
    return parts, wide, roof + 14 + (long * 9.1 + 10 if standing else 26)


def _columns(drawn: Shown, width: float) -> tuple[list[str], float, float]:
    """Who looks on the left, at whom on the right: parts, width and height."""
    step = 27.0
    side = max(len(label) for label in drawn.labels) * 9.1 + 14
    wide = max(560.0, 2 * side + 160)
    left, right = side, wide - side
    bend = (right - left) * 0.42

    def path(q: int, k: int, style: str) -> str:
        a, b = q * step + 40, k * step + 40
        return (
            f'<path d="M {left:.1f} {a:.1f} C {left + bend:.1f} {a:.1f}, {right - bend:.1f} {b:.1f}, '
            f'{right:.1f} {b:.1f}" {style}/>'
        )

    parts = [_text(left, 16, "who looks", size=13, anchor="end"), _text(right, 16, "at whom", size=13, anchor="start")]
    parts.append(f'<g fill="none" stroke="{GREY}">')
    for q, k in _pairs(drawn, themselves=True):
        strong = float(drawn.strength[q, k])
        parts.append(path(q, k, f'stroke-width="{0.8 + 5.4 * strong:.2f}" stroke-opacity="{0.16 + 0.5 * strong:.2f}"'))
    parts.append("</g>")
    if drawn.pinned:
        q, k = drawn.pinned
        parts.append(path(q, k, f'fill="none" stroke="{ACCENT}" stroke-width="4"'))
        bold = f'fill="{ACCENT}" font-weight="700"'
        value = say(float(drawn.values[q, k]), drawn.unit)
        parts.append(_text(right - 8, k * step + 34, value, anchor="end", more=bold))
    for at, label in enumerate(drawn.labels):
        more = f'fill="{_ink(drawn, at)}"'
        parts.append(_text(left - 8, at * step + 45, label, anchor="end", more=more))
        parts.append(_text(right + 8, at * step + 45, label, anchor="start", more=more))
    return parts, wide, len(drawn.labels) * step + 40


def _ink(drawn: Shown, at: int) -> str:
    return {0: ACCENT, 1: "#8A5F00"}[drawn.pinned.index(at)] if drawn.pinned and at in drawn.pinned else INK


def _pairs(drawn: Shown, *, themselves: bool) -> list[tuple[int, int]]:
    """The pairs that get an arc, faint ones first."""
    strong = drawn.strength.copy()
    strong[:, sorted(drawn.hidden)] = 0
    if not themselves:
        np.fill_diagonal(strong, 0)
    found = np.argsort(-strong, axis=None, kind="stable")[:ARCS]
    pairs = [(int(at) // len(strong), int(at) % len(strong)) for at in found]
    return [(q, k) for q, k in pairs if strong[q, k] >= FAINT][::-1]


def _matrix(drawn: Shown) -> tuple[list[str], float, float]:
    """The matrix with its names: parts, width and height. Cells of one shade are one path."""
    n = len(drawn.labels)
    named = n <= 60
    cell = 24.0 if n <= 24 else max(3.0, 600 / n)
    size = max(7.0, min(14.0, cell - 1))
    gutter = max(len(label) for label in drawn.labels) * size * 0.61 + 10 if named else 0.0
    side = n * cell
    gap = cell * 0.07 if cell >= 8 else 0.0
    parts = []
    low = -SHADES if drawn.unit == "ratio" else 0
    shade = np.rint(drawn.strength * SHADES).astype(int)
    if drawn.causal:
        seen = np.tril(np.ones((n, n), dtype=bool))
    else:
        seen = np.ones((n, n), dtype=bool)
    for level in range(low, SHADES + 1):
        where = [(q, k) for q, k in np.argwhere(seen & (shade == level)).tolist() if k not in drawn.hidden]
        if where:
            w = f"{cell - gap:.2f}"
            d = "".join(f"M{gutter + k * cell:.2f} {q * cell:.2f}h{w}v{w}h-{w}z" for q, k in where)
            parts.append(f'<path fill="{colour(level / SHADES, drawn.unit)}" d="{d}"/>')
    for at in sorted(drawn.hidden):
        top = at * cell if drawn.causal else 0
        parts.append(
            f'<rect x="{gutter + at * cell:.2f}" y="{top:.2f}" width="{cell * 0.93:.2f}" height="{side - top:.2f}" '
            'fill="url(#hidden)"/>'
        )
    if drawn.pinned:
        q, k = drawn.pinned
        parts.append(
            f'<rect x="{gutter + k * cell - 1:.2f}" y="{q * cell - 1:.2f}" width="{cell + 1:.2f}" '
            f'height="{cell + 1:.2f}" fill="none" stroke="{ACCENT}" stroke-width="2.6" rx="2"/>'
        )
    if named:
        for at, label in enumerate(drawn.labels):
            more = f'fill="{_ink(drawn, at)}"'
            y, x = (at + 0.5) * cell + size * 0.35, gutter + (at + 0.5) * cell - size * 0.35
            parts.append(_text(gutter - 7, y, label, size=size, anchor="end", more=more))
            turned = f'{more} transform="rotate(90 {x:.1f} {side + 6:.1f})"'
            parts.append(_text(x, side + 6, label, size=size, anchor="start", more=turned))
    return parts, gutter + side, side + (gutter if named else 0)


def _scale(drawn: Shown, y: float) -> list[str]:
    """The colours' key."""
    low = -1.0 if drawn.unit == "ratio" else 0.0
    steps = [low + (1 - low) * at / 20 for at in range(21)]
    ends = ("× 1/8", "× 8") if drawn.unit == "ratio" else ("0", f"{drawn.top:.3g}")
    left = 56 if drawn.unit == "ratio" else 16
    parts = [_text(0, y + 10, ends[0], size=13, anchor="start")]
    parts += [
        f'<rect x="{left + at * 6}" y="{y:.1f}" width="6.2" height="12" fill="{colour(one, drawn.unit)}"/>'
        for at, one in enumerate(steps)
    ]
    parts.append(_text(left + 21 * 6 + 6, y + 10, ends[1], size=13, anchor="start"))
    if drawn.hidden:
        parts.append(f'<rect x="240" y="{y:.1f}" width="16" height="12" fill="url(#hidden)"/>')
        parts.append(_text(262, y + 10, "kept out of colours and arcs", size=13, anchor="start"))
    return parts


def view_svg(heads: HeadMap, look: Look) -> bytes:
    """The chosen head (or average, or rollout) as SVG, UTF-8, in the light theme."""
    drawn = shown(heads, look)
    pad = 28.0
    upper, wide, high = (_columns if look.view.layout == "columns" else _sentence)(drawn, 900.0)
    lower, across, down = _matrix(drawn)
    width, top = max(wide, across, 480.0) + 2 * pad, 52.0
    below = top + high + 30
    height = below + down + 60
    title = f"{look.model}, {drawn.title}"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
            f'height="{height:.0f}" font-family="ui-monospace, DejaVu Sans Mono, monospace" fill="{INK}">',
            f"<title>{escape(title)}</title>",
            '<defs><pattern id="hidden" width="6" height="6" patternUnits="userSpaceOnUse" '
            f'patternTransform="rotate(45)"><path d="M0 0v6" stroke="{GREY}" stroke-width="1.6" stroke-opacity="0.6"/>'
            "</pattern></defs>",
            f'<rect width="{width:.0f}" height="{height:.0f}" fill="{PAPER}"/>',
            _text(pad, 30, title, size=17, anchor="start", more='font-family="sans-serif" font-weight="600"'),
            f'<g transform="translate({pad:.0f} {top:.0f})">', *upper, "</g>",
            f'<g transform="translate({pad:.0f} {below:.0f})">', *lower, "</g>",
            f'<g transform="translate({pad:.0f} 0)">', *_scale(drawn, below + down + 24), "</g>",
            "</svg>",
        ]
    ).encode("utf-8")
