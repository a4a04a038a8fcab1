# SPDX-License-Identifier: Apache-2.0
"""The goals: what each must reach, as ratios to bare limits of the same run, and what was reached.

A ratio is taken within one round and the median over the rounds is told; so is every absolute figure.
"""

from statistics import median


class Rounds:
    """Figures by round: rounds[i]['turn/100']['per_s']."""

    def __init__(self):
        self.rounds = []

    def __bool__(self):
        return bool(self.rounds)

    def of(self, key, field):
        return median(r[key][field] for r in self.rounds)

    def ratio(self, key, to, field='per_s'):
        return median(r[key][field] / r[to][field] for r in self.rounds if r[to][field])

    def added(self, key, to, field):
        return median(r[key][field] - r[to][field] for r in self.rounds)


class Table:
    def __init__(self):
        self.rows = []

    def at_least(self, goal, what, figure, must, stretch=None, unit='x', note=''):
        self._row(goal, what, figure, must, stretch, unit, note, figure >= must,
                  stretch is not None and figure >= stretch, '>=')

    def at_most(self, goal, what, figure, must, stretch=None, unit='x', note=''):
        self._row(goal, what, figure, must, stretch, unit, note, figure <= must,
                  stretch is not None and figure <= stretch, '<=')

    def told(self, goal, what, figure, unit='', note=''):
        self.rows.append({'goal': goal, 'what': what, 'figure': round(figure, 4), 'unit': unit, 'note': note,
                          'sign': '', 'must': None, 'stretch': None, 'verdict': ''})

    def _row(self, goal, what, figure, must, stretch, unit, note, met, better, sign):
        verdict = 'stretch' if better else 'met' if met else 'MISSED'
        self.rows.append({'goal': goal, 'what': what, 'figure': round(figure, 4), 'unit': unit, 'note': note,
                          'sign': sign, 'must': must, 'stretch': stretch, 'verdict': verdict})


def number(value, unit):
    if value is None:
        return ''
    if unit == 'x':
        return f'{value:.2f}x'
    text = f'{value:,.0f}' if abs(value) >= 1000 else f'{value:.1f}' if abs(value) >= 10 else f'{value:.2f}'
    return f'{text} {unit}'.strip()


def text(table):
    lines = [('goal', 'what', 'figure', 'must', 'stretch', 'verdict', '')]
    for row in table.rows:
        lines.append((row['goal'], row['what'], number(row['figure'], row['unit']),
                      f"{row['sign']} {number(row['must'], row['unit'])}".strip(),
                      number(row['stretch'], row['unit']), row['verdict'], row['note']))
    widths = [max(len(line[i]) for line in lines) for i in range(6)]
    return '\n'.join('  '.join(cell.ljust(widths[i]) if i < 6 else cell for i, cell in enumerate(line)).rstrip()
                     for line in lines)


def path(table, rounds):
    """G1, G2: the way of a message."""
    for conns in (100, 1000):
        lws = f'lws/{conns}'
        table.at_least('G1', f'message path, not durable, {conns} connections, of lws echo',
                       rounds.ratio(f'ping/{conns}', lws), 0.80, 0.90,
                       note=f"{rounds.of(f'ping/{conns}', 'per_s'):,.0f}/s, {rounds.of(f'ping/{conns}', 'cpu_us'):.2f} us"
                            f" CPU; lws {rounds.of(lws, 'per_s'):,.0f}/s, {rounds.of(lws, 'cpu_us'):.2f} us")
    for conns, must, stretch in ((1000, 0.55, 0.65), (100, 0.30, 0.45)):
        key = f'durable/{conns}'
        table.at_least('G2', f'durable echo, {conns} connections, of lws echo', rounds.ratio(key, f'lws/{conns}'),
                       must, stretch,
                       note=f"{rounds.of(key, 'per_s'):,.0f}/s, ack p50 {rounds.of(key, 'p50_us') / 1000:.2f} ms p99"
                            f" {rounds.of(key, 'p99_us') / 1000:.2f} ms, {rounds.of(key, 'cpu_us'):.2f} us CPU")
        table.told('G2', f'... the same, not durable, {conns} connections, of lws echo',
                   rounds.ratio(f'durable-nd/{conns}', f'lws/{conns}'), 'x')


def turns(table, rounds):
    """G3: whole turns."""
    table.at_least('G3', 'turns, of lws echo', rounds.ratio('turn/100', 'lws/100'), 0.08, 0.14)
    table.at_least('G3', 'turns, of a raw HTTP client', rounds.ratio('turn/100', 'http/100'), 0.18, 0.27,
                   note=f"raw {rounds.of('http/100', 'per_s'):,.0f}/s, client and mock on one core")
    table.at_least('G3', 'turns, of itself without durability', rounds.ratio('turn/100', 'turn-nd/100'), 0.55, 0.75)
    table.at_least('G3', 'turns per second', rounds.of('turn/100', 'per_s'), 16000, 28000, '/s')
    table.at_most('G3', 'CPU per turn', rounds.of('turn/100', 'cpu_us'), 50, 32, 'us')
    table.told('G3', '... nginx as a proxy, requests', rounds.of('nginx/100', 'per_s'), '/s',
               f"{rounds.of('nginx/100', 'cpu_us'):.1f} us CPU")


def streams(table, rounds):
    """G5, G6, G7, G16: streaming."""
    table.at_least('G5', 'streams, 400 x 20 chunks / 5 ms, of the raw client', rounds.ratio('stream/400', 'http-stream/400'),
                   0.92, 0.97, note=f"{rounds.of('stream/400', 'per_s'):,.0f}/s")
    table.at_most('G5', 'CPU per stream, of nginx', rounds.ratio('stream/400', 'nginx-stream/400', 'cpu_us'), 1.6, 1.3,
                  note=f"{rounds.of('stream/400', 'cpu_us'):.0f} us; nginx {rounds.of('nginx-stream/400', 'cpu_us'):.0f} us")
    table.at_most('G5', 'CPU per forwarded chunk', rounds.of('stream/400', 'cpu_us') / 20, 10, None, 'us')
    nginx_in = rounds.added('nginx-stream/10', 'http-stream/10', 'in_p50_us')
    ours_in = rounds.added('stream/10', 'http-stream/10', 'in_p50_us')
    table.at_most('G6', 'added on the way in, p50, of nginx', ours_in / max(nginx_in, 1), 2, 1,
                  note=f'+{ours_in:.0f} us; nginx +{nginx_in:.0f} us')
    table.at_most('G6', 'added on the way in, p99', rounds.added('stream/10', 'http-stream/10', 'in_p99_us'), 1000, None, 'us',
                  f"nginx +{rounds.added('nginx-stream/10', 'http-stream/10', 'in_p99_us'):,.0f} us")
    table.told('G6', '... time to the first word added, p50', rounds.added('stream/10', 'http-stream/10', 'ttft_p50_us'), 'us',
               'shown once the question is on the disk')
    nginx_out = rounds.added('nginx-stream/10', 'http-stream/10', 'out_p50_us')
    ours_out = rounds.added('stream/10', 'http-stream/10', 'out_p50_us')
    table.at_most('G7', 'added on the way out, p50', ours_out, 60, None, 'us', f'nginx +{nginx_out:.0f} us')
    table.at_most('G7', 'added on the way out, p99', rounds.added('stream/10', 'http-stream/10', 'out_p99_us'), 300, None, 'us',
                  f"nginx +{rounds.added('nginx-stream/10', 'http-stream/10', 'out_p99_us'):,.0f} us")
    table.at_most('G7', 'added on the way out, of nginx', ours_out / max(nginx_out, 1), 1.3, 1)
    for field in ('out_p50_us', 'out_p99_us'):
        table.at_most('G16', f'way out with a disk slower by 2 ms, {field[4:7]}', rounds.ratio('slow/10', 'stream/10', field),
                      1.1, None, note=f"{rounds.of('slow/10', field):.0f} us, {rounds.of('stream/10', field):.0f} us without")
    table.told('G16', '... the provider is asked, p50', rounds.ratio('slow/10', 'stream/10', 'in_p50_us'), 'x',
               f"{rounds.of('slow/10', 'in_p50_us'):.0f} us after the message")


def journal(table, plain, state):
    """G8, G9: lines of journal_bench by the number of clients."""
    table.at_most('G8', 'durable ack p50, 1 client, of a bare log', plain[1]['p50_ratio'], 2.3, 2.1,
                  note=f"{plain[1]['journal_p50_us']:.0f} us")
    table.at_most('G8', 'durable ack p50, 100 clients, of a bare log', plain[100]['p50_ratio'], 3.5, 2.5,
                  note=f"{plain[100]['journal_p50_us']:.0f} us")
    for clients in (1, 100):
        table.at_most('G8', f'durable ack p99, {clients} clients, of a bare log',
                      plain[clients]['journal_p99_us'] / plain[clients]['bare_p99_us'], 5)
    table.at_least('G9', 'durable events, 100 clients, of a bare log', plain[100]['rate_ratio'], 0.32, 0.45,
                   note=f"{plain[100]['journal_per_s']:,.0f}/s")
    table.at_least('G9', '... with session state', state[100]['rate_ratio'], 0.10, 0.2,
                   note=f"{state[100]['journal_per_s']:,.0f}/s")
    table.at_least('G9', '... with session state, per second', state[100]['journal_per_s'], 80000, None, '/s')


def idle(table, seen):
    """G10, G11: connections that do nothing."""
    n = seen['conns']
    table.at_most('G10', f'memory per idle connection, {n}', seen['baton_bytes'], 3072, 2252, 'B',
                  f"bare lws {seen['lws_bytes']:.0f} B")
    table.at_most('G10', '... of bare lws', seen['baton_bytes'] / seen['lws_bytes'], 1.3)
    table.at_most('G10', f'memory per idle session that had a turn, {n}', seen['turned_bytes'], 3072, 2252, 'B')
    table.at_most('G11', 'CPU while they idle', seen['idle_percent'], 0.2, None, '%',
                  f"heartbeats included; bare lws {seen['lws_idle_percent']:.2f} %")
    of = lambda key: median(r[key] for r in seen['handshakes'])
    ratio = lambda to: median(r['handshake_us'] / r[to] for r in seen['handshakes'])
    table.at_most('G11', 'CPU per handshake with ticket and hello', of('handshake_us'), 80, None, 'us',
                  f"the ticket itself costs {of('ticket_us'):.0f} us more")
    table.at_most('G11', '... of bare lws', ratio('lws_handshake_us'), 1.15, None,
                  note=f"bare lws {of('lws_handshake_us'):.1f} us: upgrade, and one frame each way")
    table.told('G11', '... of bare lws whose client says nothing', ratio('lws_upgrade_us'), 'x', f"{of('lws_upgrade_us'):.1f} us")


def among(table, rounds, idle_conns):
    """G12: some active among many idle."""
    table.at_least('G12', f'100 active among {idle_conns} idle, of itself without', rounds.ratio('busy-idle', 'busy'), 0.95, None,
                   note=f"bare lws {rounds.ratio('lws-idle', 'lws-busy'):.2f}x")


def restart(table, seen):
    """G14: a start after kill -9."""
    n = f"{seen['sessions']:,}"
    table.at_most('G14', f'start to ready, {n} sessions, above an empty one', seen['full_ms'] - seen['empty_ms'], 50, 20, 'ms',
                  f"{seen['full_ms']:.0f} ms; empty {seen['empty_ms']:.0f} ms (modules: training the classifier)")
    table.at_most('G14', f'start to ready, {n} sessions, of an empty one', seen['full_ms'] / seen['empty_ms'], 1.2)
    table.told('G14', '... the first start after the kill, pages not in memory', seen['cold_ms'], 'ms',
               f"journal {seen['bytes'] / 1e6:,.0f} MB")
    table.at_most('G14', 'first touch of a cold session, p99', seen['touch_p99_us'] / 1000, 1, None, 'ms',
                  f"p50 {seen['touch_p50_us']:.0f} us; resume to caught up, one at a time")
    table.at_most('G14', f"{seen['storm_conns']} clients resume at once", seen['storm_warm_s'], 1.5, 1, 's',
                  f"{seen['storm_cpu_us']:.0f} us CPU each, tickets +{seen['storm_ticket_us']:.0f} us")
    table.told('G14', '... with pages that must be read from the disk', seen['storm_cold_s'], 's')


def swaps(table, seen, isolated):
    """What swapping costs; `isolated` is None if that bench is not built."""
    table.told('G17', 'a rule through the rack', seen['rack_ns'], 'ns', f"called straight {seen['straight_ns']:.1f} ns")
    table.at_most('G17', 'swap: of a loop\'s time, p99', seen['pause_p99_us'], 1000, 100, 'us', f"longest {seen['pause_max_us']:.0f} us of {seen['swaps']}")
    table.told('G17', 'swap: staged, off the loop', seen['stage_p50_us'], 'us', f"p99 {seen['stage_p99_us']:.0f} us; without the trial run in a child")
    table.at_most('G17', f"left behind by {seen['swaps']} swaps", seen['swaps_kib'], 1024, 128, 'KiB', f"{seen['swaps_maps']} mappings")
    table.at_most('G17', 'a generation that stays', seen['kept_kib'], 24, 18, 'KiB', f"{seen['kept_maps']:.1f} mappings")
    if isolated:
        table.at_most('G17', 'isolated round trip of 1 KB, p50', isolated['p50_us'], 10.0, 8.0, 'us', f"p99 {isolated['p99_us']:.1f} us")
