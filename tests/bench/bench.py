#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures the goals of docs/BENCH.md and prints a table; never fails for being slow.

Server variants are started once and visited in turns; each ratio is taken within one round.
"""

import argparse
import json
import os
import platform
import re
import resource
import signal
import statistics
import subprocess
import sys
import time

import goals
import plot
from rig import ROOT, Rig, end_hold

STREAM = 'chunks-20-5'
TALK = ('--each', 5)  # messages of one conversation


def talk(options, conns, per_s):
    """Conversations opened ahead for what a server of `per_s` can get through."""
    return ('--conns', conns, *TALK, '--pool', min(15000, conns + int(per_s / TALK[1] * (options.seconds + 0.3))))


def say(text):
    print(text, file=sys.stderr, flush=True)


def pause_for(options):
    return ('--seconds', options.seconds, '--warm', min(0.3, options.seconds / 2))


def start_servers(rig):
    """One server each: started once, then asked in turns."""
    start = {
        'echo': lambda: rig.start('echo', [rig.tool('echo')]),
        'lws': lambda: rig.start('lws', [rig.tool('lws_echo')]),
        'baton': lambda: rig.baton('baton'),
        'baton-nd': lambda: rig.baton('baton-nd', '--not-durable'),
        'stream': lambda: rig.baton('stream', model=STREAM),
        'slow': lambda: rig.baton('slow', '--delay-commit-us', '2000', model=STREAM),
        'nginx': rig.nginx,
    }
    return {name: run() for name, run in start.items()}


def plan(servers, mock, body_bytes, options):
    """What one round measures, by the key it is kept under: (tool, mode, server, arguments)."""
    http = lambda to, conns, *more: ('httpload', None, to, ('--conns', conns, '--body-bytes', body_bytes, *more))
    spread = ('--spread', 100)  # an answer takes 95 ms: not all in step
    chunks = ('--stream', '--model', STREAM, *spread)
    found = {}
    for conns in (100, 1000):
        found[f'echo/{conns}'] = ('load', 'raw', servers['echo'], ('--conns', conns))
        found[f'lws/{conns}'] = ('load', 'raw', servers['lws'], ('--conns', conns))
        found[f'ping/{conns}'] = ('load', 'ping', servers['baton'], ('--conns', conns))
        found[f'durable/{conns}'] = ('load', 'durable', servers['baton'], ('--conns', conns))
        found[f'durable-nd/{conns}'] = ('load', 'durable', servers['baton-nd'], ('--conns', conns))
    found['http/100'] = http(mock, 100)
    found['nginx/100'] = http(servers['nginx'], 100)
    found['turn/100'] = ('load', 'turn', servers['baton'], talk(options, 100, 45000))
    found['turn-nd/100'] = ('load', 'turn', servers['baton-nd'], talk(options, 100, 45000))
    for conns in (10, 400):
        found[f'http-stream/{conns}'] = http(mock, conns, *chunks)
        found[f'nginx-stream/{conns}'] = http(servers['nginx'], conns, *chunks)
        found[f'stream/{conns}'] = ('load', 'stream', servers['stream'], (*talk(options, conns, 5000), *spread))
    found['slow/10'] = ('load', 'stream', servers['slow'], (*talk(options, 10, 500), *spread))
    if options.only:
        wanted = {key for _, names, keys in GROUPS if wants(options, *names) for key in keys}
        found = {key: value for key, value in found.items() if key.split('/')[0] in wanted}
    return found


# Goals that are told together, and the figures they need.
GROUPS = (
    (goals.path, ('G1', 'G2'), ('echo', 'lws', 'ping', 'durable', 'durable-nd')),
    (goals.turns, ('G3', ), ('lws', 'http', 'nginx', 'turn', 'turn-nd')),
    (goals.streams, ('G5', 'G6', 'G7', 'G16'), ('http-stream', 'nginx-stream', 'stream', 'slow')),
)


def one(rig, options, step):
    tool, mode, server, args = step
    args = ('--to', server.to, '--pid', server.pid, *args, *pause_for(options))
    found = rig.run(tool, *((mode, ) if mode else ()), *args)
    if found.get('errors') or found.get('handed_over'):
        say(f'  !! {tool} {mode}: {found["errors"]} errors, {found.get("handed_over")} handed over: not a valid figure')
    return found


def rounds_of(rig, options, steps, table_rounds):
    for i in range(options.rounds):
        say(f'round {i + 1} of {options.rounds}')
        table_rounds.rounds.append({key: one(rig, options, step) for key, step in steps.items()})


def journal(rig, options, *more):
    program = os.path.join(rig.build, 'tests', 'journal_bench')
    done = subprocess.run([program, '--json', '--rounds', str(options.rounds), '--ms', str(int(options.seconds * 700)),
                           '--clients', '1,100', '--dir', rig.work, *more], stdout=subprocess.PIPE, check=True, timeout=600)
    return {line['clients']: line for line in map(json.loads, done.stdout.splitlines())}


def tool_json(rig, name, *args):
    """The last line that a bench of one process prints, or None where it is not built."""
    program = os.path.join(rig.build, 'tests', name)
    if not os.path.exists(program):
        return None
    done = subprocess.run([program, *args], stdout=subprocess.PIPE, check=True, timeout=600)
    return json.loads(done.stdout.splitlines()[-1])


def isolated(rig):
    """What isolate_bench says in words of a round trip, in us; None where it is not built."""
    program = os.path.join(rig.build, 'tests', 'isolate_bench')
    if not os.path.exists(program):
        return None
    said = subprocess.run([program], stdout=subprocess.PIPE, check=True, timeout=600, text=True).stdout
    found = re.search(r'^isolated classify.*p50 +([0-9.]+) us +p99 +([0-9.]+) us', said, re.M)
    return {'p50_us': float(found[1]), 'p99_us': float(found[2]), 'said': said.splitlines()}


def files_limit():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def held(rig, server, conns, seconds, *args, before):
    """Opens connections, lets them idle; (bytes each, what opening said, percent of CPU while idle)."""
    process, opened = rig.hold(server, '--conns', conns, *args)
    time.sleep(2 if '--first-turn' not in args else 9)  # sessions that idle leave memory after 5 s
    grown = server.rss_anon() - before
    cpu, began = server.cpu_ns(), time.monotonic()
    time.sleep(seconds)
    percent = (server.cpu_ns() - cpu) / 1e7 / (time.monotonic() - began)
    end_hold(process)
    return grown / conns, opened, percent


def handshakes(rig, options, conns):
    """CPU of a connection that opens, by who is greeted and how: in turns, as the machine's speed changes."""
    ways = (('lws_upgrade_us', 'lws', ('--bare', '--silent')), ('lws_handshake_us', 'lws', ('--bare',)),
            ('handshake_us', 'baton', ()))
    rounds = []
    for _ in range(options.rounds):
        seen = {}
        for key, what, args in ways:
            server = rig.baton('opened') if what == 'baton' else rig.start('opened', [rig.tool('lws_echo')])
            process, opened = rig.hold(server, '--conns', conns, *args)
            end_hold(process)
            seen[key], seen['ticket_us'] = opened['cpu_us'], opened['ticket_cpu_us']
            rig.stop('opened')
        rounds.append(seen)
    return rounds


def idle(rig, options):
    conns = min(options.idle, files_limit() - 200)
    seen = {'conns': conns, 'handshakes': handshakes(rig, options, conns)}
    lws = rig.start('lws-idle', [rig.tool('lws_echo')])
    seen['lws_bytes'], _, seen['lws_idle_percent'] = held(rig, lws, conns, 3, '--bare', before=lws.rss_anon())
    rig.stop('lws-idle')
    baton = rig.baton('baton-idle')
    seen['baton_bytes'], _, seen['idle_percent'] = held(rig, baton, conns, 5, before=baton.rss_anon())
    rig.stop('baton-idle')
    baton = rig.baton('baton-turned')
    seen['turned_bytes'], _, _ = held(rig, baton, conns, 1, '--first-turn', before=baton.rss_anon())
    rig.stop('baton-turned')
    return seen


def among(rig, options, rounds):
    lws, baton = rig.start('lws', [rig.tool('lws_echo')]), rig.baton('baton')
    conns = min(8000, files_limit() - 400)
    for _ in range(options.rounds):
        args = ('--conns', 100, *pause_for(options))
        rounds.rounds.append({
            'lws-busy': rig.load('raw', lws, *args),
            'lws-idle': rig.load('raw', lws, *args, '--idle', conns),
            'busy': rig.load('ping', baton, *args),
            'busy-idle': rig.load('ping', baton, *args, '--idle', conns)})
    rig.stop('lws')
    rig.stop('baton')
    return conns


def forget_pages(data):
    path = os.path.join(data, 'journal', 'data.mdb')
    with open(path, 'rb') as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return os.stat(path).st_blocks * 512


def starts(rig, data, times):
    took = []
    for _ in range(times):
        server = rig.baton('restarted', data=data)
        took.append(server.ready_s * 1000)
        rig.servers.pop('restarted').stop(signal.SIGKILL)
    return took


def restart(rig, options):
    storm = min(10000, options.sessions, files_limit() - 200)
    empty, full = os.path.join(rig.work, 'data-empty'), os.path.join(rig.work, 'data-full')
    os.makedirs(full)
    subprocess.run([rig.tool('fill'), full, str(options.sessions), str(storm)], check=True)
    starts(rig, empty, 1)  # makes its files
    seen = {'sessions': options.sessions, 'empty_ms': statistics.median(starts(rig, empty, 5)),
            'bytes': forget_pages(full), 'cold_ms': starts(rig, full, 1)[0]}
    seen['full_ms'] = statistics.median(starts(rig, full, 5))
    sessions = os.path.join(full, 'sessions')
    forget_pages(full)
    server = rig.baton('restarted', data=full)
    touched = rig.load('resume', server, '--resume', sessions, '--window', 1, '--conns', min(500, storm))
    seen['touch_p50_us'], seen['touch_p99_us'] = touched['p50_us'], touched['p99_us']
    for how in ('cold', 'warm'):  # a killed server leaves its pages in the system's memory; a machine does not
        time.sleep(7)  # what was touched leaves the server's memory again
        came = rig.load('resume', server, '--resume', sessions, '--window', storm)
        seen[f'storm_{how}_s'] = came['seconds']
    seen.update(storm_conns=came['conns'], storm_cpu_us=came['cpu_us'], storm_ticket_us=came['ticket_cpu_us'])
    rig.stop('restarted')
    return seen


def wants(options, *names):
    return not options.only or any(name in options.only for name in names)


def measure(rig, options, table, raw):
    rounds, busy = goals.Rounds(), goals.Rounds()
    asked = [group for group in GROUPS if wants(options, *group[1])]
    if asked:
        servers = start_servers(rig)
        raw['body_bytes'] = rig.body_bytes(servers['baton'])
        rounds_of(rig, options, plan(servers, rig.mock, raw['body_bytes'], options), rounds)
        for name in list(servers):
            rig.stop(name)
        for shown, _, _ in asked:
            shown(table, rounds)
    if wants(options, 'G8', 'G9'):
        say('journal')
        raw['journal'], raw['journal_state'] = journal(rig, options), journal(rig, options, '--state')
        goals.journal(table, raw['journal'], raw['journal_state'])
    if wants(options, 'G10', 'G11'):
        say('idle connections')
        raw['idle'] = idle(rig, options)
        goals.idle(table, raw['idle'])
    if wants(options, 'G12'):
        say('active among idle')
        goals.among(table, busy, among(rig, options, busy))
    if wants(options, 'G14'):
        say(f'a start with {options.sessions} sessions')
        raw['restart'] = restart(rig, options)
        goals.restart(table, raw['restart'])
    if wants(options, 'G17'):
        say('swaps')
        raw['swaps'] = tool_json(rig, 'swap_bench', '--json')
        raw['isolate'] = isolated(rig)
        goals.swaps(table, raw['swaps'], raw['isolate'])
    raw['rounds'], raw['busy'] = rounds.rounds, busy.rounds


def machine():
    with open('/proc/cpuinfo') as file:
        models = [line.split(':')[1].strip() for line in file if line.startswith('model name')]
    return {'cpu': models[0] if models else platform.machine(), 'cores': os.cpu_count(), 'kernel': platform.release(),
            'load_average': os.getloadavg()[0], 'time': time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--build', default=os.path.join(ROOT, 'build', 'release'))
    parser.add_argument('--out', default=os.path.join(ROOT, 'build', 'bench'))
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--seconds', type=float, default=1.0)
    parser.add_argument('--sessions', type=int, default=100000)
    parser.add_argument('--idle', type=int, default=15000)
    parser.add_argument('--only', type=lambda s: s.split(','), default=[])
    parser.add_argument('--json', action='store_true', help='print the JSON instead of the table')
    return parser.parse_args()


def main():
    options = parse()
    files_limit()
    before, table, raw = machine(), goals.Table(), {}
    began = time.monotonic()
    rig = Rig(options.build, os.path.join(options.out, 'run'))
    try:
        measure(rig, options, table, raw)
    finally:
        rig.stop_all()
    result = {'machine': before, 'load_average_after': os.getloadavg()[0], 'rounds': options.rounds,
              'seconds': options.seconds, 'took_s': round(time.monotonic() - began, 1), 'goals': table.rows, 'raw': raw}
    with open(os.path.join(options.out, 'bench.json'), 'w') as file:
        json.dump(result, file, indent=1)
    with open(os.path.join(options.out, 'bench.svg'), 'w') as file:
        file.write(plot.svg(result))
    if options.json:
        print(json.dumps(result))
        return
    print(goals.text(table))
    print(f"\n{before['cpu']}, {before['cores']} cores, Linux {before['kernel']}; load average {before['load_average']:.1f}"
          f" before, {result['load_average_after']:.1f} after; {options.rounds} rounds, {result['took_s']:.0f} s."
          f"\nbench.json and bench.svg are in {os.path.relpath(options.out)}.")


main()
