#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""G4: Baton beside another gateway (Portkey 1.15.2), on the same core, before the same mock provider.

The gateway does not store anything; Baton has every question and answer on the disk before it says so.
Version and overrides are in tests/bench/peer/package.json: with a newer @hono/node-server every stream of
this version is answered with 500.
"""

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

import goals
from rig import ROOT, SERVER_CPU, Rig, free_port, pin

STREAM = 'chunks-20-5'
PEER = os.path.join(ROOT, 'tests', 'bench', 'peer', 'node_modules', '@portkey-ai', 'gateway')


class Portkey:
    def __init__(self, work):
        self.port = free_port()
        self.to = f'127.0.0.1:{self.port}'
        env = {'PATH': os.environ['PATH'], 'HOME': work, 'NODE_ENV': 'production',
               'TRUSTED_CUSTOM_HOSTS': '127.0.0.1'}
        with open(os.path.join(work, 'portkey.log'), 'wb') as log:
            self.process = subprocess.Popen(
                [shutil.which('node'), '--require', os.path.join(ROOT, 'tests', 'bench', 'peer', 'loopback.cjs'), os.path.join(PEER, 'build', 'start-server.js'), '--headless', f'--port={self.port}'],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env, cwd=work, preexec_fn=pin(SERVER_CPU))
        self.pid = str(self.process.pid)
        for _ in range(400):
            if self.process.poll() is not None:
                break
            with socket.socket() as sock:
                if sock.connect_ex(('127.0.0.1', self.port)) == 0:
                    return
            time.sleep(0.05)
        raise RuntimeError(f'the peer did not start; see {work}/portkey.log')

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def measure(rig, options, rounds):
    peer, baton, stream = Portkey(rig.work), rig.baton('baton'), rig.baton('stream', model=STREAM)
    headers = ('--header', 'x-portkey-provider: openai',
               '--header', f'x-portkey-custom-host: http://127.0.0.1:{rig.mock.port}/v1')
    timing = ('--seconds', options.seconds, '--warm', min(0.5, options.seconds / 2))
    chunks = ('--stream', '--model', STREAM)

    body_bytes = rig.body_bytes(baton)

    def http(server, conns, *more):
        return rig.run('httpload', '--to', server.to, '--pid', server.pid, '--conns', conns, '--body-bytes', body_bytes,
                       *timing, *more)

    try:
        http(peer, 10, *headers)  # its compiler warms up
        for i in range(options.rounds):
            print(f'round {i + 1} of {options.rounds}', file=sys.stderr, flush=True)
            rounds.rounds.append({
                'http': http(rig.mock, 100),
                'peer': http(peer, 100, *headers),
                'turn': rig.load('turn', baton, '--conns', 100, '--each', 5, '--pool', 8000, *timing),
                'http-stream': http(rig.mock, 1, *chunks),
                'peer-stream': http(peer, 1, *headers, *chunks),
                'stream': rig.load('stream', stream, '--conns', 1, *timing)})
    finally:
        peer.stop()


def show(table, rounds):
    table.at_least('G4', 'turns, of the peer\'s requests', rounds.ratio('turn', 'peer'), 10, 20,
                   note=f"{rounds.of('turn', 'per_s'):,.0f}/s, peer {rounds.of('peer', 'per_s'):,.0f}/s, raw client"
                        f" {rounds.of('http', 'per_s'):,.0f}/s")
    table.at_most('G4', 'CPU per turn, of the peer\'s per request', rounds.ratio('turn', 'peer', 'cpu_us'), 0.1, 0.05,
                  note=f"{rounds.of('turn', 'cpu_us'):.0f} us, peer {rounds.of('peer', 'cpu_us'):.0f} us")
    ours = rounds.added('stream', 'http-stream', 'ttft_p50_us')
    theirs = rounds.added('peer-stream', 'http-stream', 'ttft_p50_us')
    table.at_most('G4', 'first word added, of the peer\'s', ours / theirs, 0.01, None,
                  note=f'+{ours:,.0f} us, peer +{theirs:,.0f} us; ours waits until the question is on the disk')
    ours_in = rounds.added('stream', 'http-stream', 'in_p50_us')
    table.told('G4', '... until the provider is asked, of the peer\'s', ours_in / rounds.added('peer-stream', 'http-stream', 'in_p50_us'),
               'x', f'+{ours_in:,.0f} us')


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--build', default=os.path.join(ROOT, 'build', 'release'))
    parser.add_argument('--out', default=os.path.join(ROOT, 'build', 'bench'))
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--seconds', type=float, default=1.0)
    parser.add_argument('--sessions', help='not used here')
    parser.add_argument('--only', help='not used here')
    options = parser.parse_args()
    if not os.path.isdir(PEER):
        sys.exit('the peer is not installed; `make bench-peer` does that')
    table, rounds, rig = goals.Table(), goals.Rounds(), Rig(options.build, os.path.join(options.out, 'peer'))
    try:
        measure(rig, options, rounds)
    finally:
        rig.stop_all()
    show(table, rounds)
    with open(os.path.join(options.out, 'peer.json'), 'w') as file:
        json.dump({'goals': table.rows, 'rounds': rounds.rounds}, file, indent=1)
    print(goals.text(table))


main()
