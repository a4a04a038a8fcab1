# SPDX-License-Identifier: Apache-2.0
"""The table as a picture: one bar per goal, as a share of what it must reach. Plain SVG by hand."""

from html import escape

ROW, LEFT, WIDE, TOP = 24, 430, 360, 56
FULL = 2.0  # the scale ends at twice what must be reached
COLOURS = {'stretch': '#1b7837', 'met': '#5aae61', 'MISSED': '#b2182b'}


def share(row):
    """1 is what must be reached; more is better, whichever way the goal points."""
    if row['sign'] == '>=':
        return row['figure'] / row['must']
    return row['must'] / row['figure'] if row['figure'] > 0 else FULL


def bar(i, row):
    y = TOP + i * ROW
    length = max(2.0, min(share(row), FULL) / FULL * WIDE)
    unit = row['unit']
    figure = f"{row['figure']:,.0f}" if abs(row['figure']) >= 100 else f"{row['figure']:.2f}"
    return (f'<text x="{LEFT - 8}" y="{y + 14}" text-anchor="end">{escape(row["goal"])} {escape(row["what"].strip(". "))}</text>'
            f'<rect x="{LEFT}" y="{y + 3}" width="{length:.1f}" height="14" fill="{COLOURS[row["verdict"]]}">'
            f'<title>{escape(row["note"])}</title></rect>'
            f'<text x="{LEFT + length + 6:.1f}" y="{y + 14}">{figure} {escape(unit)} ({row["sign"].replace("<", "&lt;").replace(">", "&gt;")}'
            f' {row["must"]:g}) {escape(row["verdict"])}</text>')


def svg(result):
    rows = [row for row in result['goals'] if row['verdict']]
    height, width, line = TOP + ROW * len(rows) + 16, LEFT + WIDE + 230, LEFT + WIDE / FULL
    machine = result['machine']
    return '\n'.join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
        ' font-family="sans-serif" font-size="12" role="img" aria-label="What was reached of each goal">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        f'<text x="16" y="22" font-size="15">Baton against its goals</text>',
        f'<text x="16" y="40" fill="#555555">{escape(machine["cpu"])}, {machine["cores"]} cores, {escape(machine["time"])};'
        f' {result["rounds"]} rounds. The line is what must be reached.</text>',
        *(bar(i, row) for i, row in enumerate(rows)),
        f'<line x1="{line}" y1="{TOP}" x2="{line}" y2="{height - 12}" stroke="#000000" stroke-dasharray="4 3"/>',
        '</svg>', ''])
