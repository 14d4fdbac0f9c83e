"""The plots of scale.py as SVG: the ratio to the small broker over partitions or records."""

import math

COLOURS = ("#1f77b4", "#17becf", "#d62728", "#ff7f0e")
WIDTH, HEIGHT, LEFT, TOP = 560, 260, 50, 30
RATIO_MIN, RATIO_MAX = 0.5, 5.0


def place_y(ratio):
    share = math.log(min(max(ratio, RATIO_MIN), RATIO_MAX) / RATIO_MIN)
    return HEIGHT * (1 - share / math.log(RATIO_MAX / RATIO_MIN))


def panel(title, points, series):
    """One set of axes, both logarithmic; the band is within ten percent of 1."""
    low, high = (math.log10(points[at][0]) for at in (0, -1))

    def place_x(count):
        return WIDTH * (math.log10(count) - low) / max(high - low, 1)

    top, bottom = place_y(1.1), place_y(0.9)
    yield f'<text x="{WIDTH / 2}" y="-10" text-anchor="middle">{title}</text>'
    yield f'<rect width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#888"/>'
    yield (f'<rect y="{top:.1f}" width="{WIDTH}" height="{bottom - top:.1f}" fill="#2ca02c" '
           'fill-opacity="0.15"/>')
    for ratio in (0.5, 1, 2, 3, 5):
        yield f'<text x="-6" y="{place_y(ratio) + 4:.1f}" text-anchor="end">{ratio}</text>'
    for count, _ in points:
        power = round(math.log10(count))
        yield (f'<text x="{place_x(count):.1f}" y="{HEIGHT + 18}" text-anchor="middle">10'
               f'<tspan dy="-5" font-size="9">{power}</tspan></text>')
    for name, colour in zip(series, COLOURS):
        line = " ".join(f"{place_x(count):.1f},{place_y(ratios[name]):.1f}"
                        for count, ratios in points)
        yield f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>'


def svg(title, points, series):
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH + LEFT + 30}" '
             f'height="{HEIGHT + 160}" font-family="sans-serif" font-size="12">',
             '<rect width="100%" height="100%" fill="white"/>',
             f'<g transform="translate({LEFT},{TOP})">',
             *panel(f"cost over {title}, × a small broker", points, series), "</g>"]
    for number, (name, colour) in enumerate(zip(series, COLOURS)):
        y = HEIGHT + TOP + 50 + 20 * number
        lines.append(f'<rect x="{LEFT}" y="{y - 5}" width="20" height="3" fill="{colour}"/>')
        lines.append(f'<text x="{LEFT + 28}" y="{y}">{name}</text>')
    return "\n".join([*lines, "</svg>"]) + "\n"
