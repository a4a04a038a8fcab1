# SPDX-License-Identifier: Apache-2.0
"""Where the server's instructions go, per message: by library, by function, and by who called it.

Callgrind counts instructions and not seconds, so two runs agree to a percent, whatever else the machine does. What it
does not see: the kernel, cache misses, and that real processors hash and encrypt in hardware (callgrind's has no SHA
extension, so hashing looks ten times too dear). `rep stosb` and `rep movsb` count once per byte.

  instructions.py [--mode turn] [--conns 20] [--seconds 6] [--callers FUNCTION] [--top 60] [--build DIR] [--keep FILE]
"""

import argparse
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

import rig

EACH = 5  # messages a conversation has, as in the bench
LINE = re.compile(r'\s*([\d,]+) \(\s*[\d.]+%\)\s+([<*>])?\s*(.*)')


class Grind(rig.Rig):
    """A rig whose Baton runs under callgrind, which counts only when told to."""

    def start(self, name, argv, **more):
        if name == 'baton':
            argv = ['valgrind', '--tool=callgrind', f'--callgrind-out-file={self.work}/counts.%p', '--instr-atstart=no',
                    *argv]
        return super().start(name, argv, **more)

    def control(self, server, *options):
        subprocess.run(['callgrind_control', *options, server.pid], stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=True)


def measure(grind, opt):
    """What the load said, and the file of counts."""
    server = grind.baton('baton', model='chunks-20-5' if opt.mode == 'stream' else 'plain')
    args = ['--to', server.to, '--pid', server.pid, '--conns', opt.conns, '--seconds', opt.seconds, '--pause']
    if opt.mode in ('turn', 'stream'):
        args += ['--each', EACH, '--pool', opt.conns + int(opt.seconds * 100) + 400, '--spread', 100]
    load = subprocess.Popen([grind.tool('load'), opt.mode, *map(str, args)], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, text=True, preexec_fn=rig.pin(rig.LOAD_CPU))
    for word, switch in (('begin', ['-i', 'on']), ('end', ['-i', 'off'])):
        if load.stdout.readline().strip() != word:
            raise RuntimeError(f'the load did not {word}')
        grind.control(server, *switch)
        load.stdin.write('\n')
        load.stdin.flush()
    said = json.loads(load.stdout.readline())
    load.wait()
    grind.control(server, '-d')
    return said, max(glob.glob(f'{grind.work}/counts.*'), key=os.path.getmtime)


def annotate(counts, *options):
    """(instructions, mark, what) of each line; a mark says that others call it (<) or that it is meant (*)."""
    said = subprocess.run(['callgrind_annotate', '--threshold=100', '--auto=no', *options, counts], capture_output=True,
                          text=True, check=True)
    for line in said.stdout.splitlines():
        found = LINE.match(line)
        if found:
            yield int(found[1].replace(',', '')), found[2], found[3]


def short(what):
    """file:function and its library, without folders of this machine."""
    return re.sub(r'\[\S*/([^]/]+)\]', r'[\1]', re.sub(r'^\S*/(?=(?:core|channels|modules)/)|^\./\S*/(?=[^/]+:)', '', what))


def show(title, rows, messages, top):
    print(f'\n{title}')
    for count, what in rows[:top]:
        print(f'{count / messages:10,.0f}  {short(what)[:110]}')


def by_object(rows):
    total = {}
    for count, what in rows:
        found = re.search(r'\[([^]]*)\]$', what)
        name = os.path.basename(found[1]) if found else 'elsewhere'
        total[name] = total.get(name, 0) + count
    return sorted(((count, name) for name, count in total.items()), reverse=True)


def callers_of(counts, function):
    """Each caller of the functions of this name, with what the calls cost."""
    callers, found = [], []
    for count, mark, what in annotate(counts, '--tree=caller', '--inclusive=yes'):
        if mark == '<':
            callers.append((count, what))
            continue
        if mark == '*' and re.search(rf'[:.]{re.escape(function)}(\'\d+)? ', what + ' '):
            found += callers
        callers = []
    return sorted(found, reverse=True)


def main():
    parser = argparse.ArgumentParser(description='Instructions of the server per message.')
    parser.add_argument('--mode', default='turn', choices=['ping', 'durable', 'turn', 'stream'])
    parser.add_argument('--conns', type=int, default=20)
    parser.add_argument('--seconds', type=float, default=6)
    parser.add_argument('--callers', action='append', default=[], help='who calls this function, and at what cost')
    parser.add_argument('--top', type=int, default=60)
    parser.add_argument('--build', default='build/profile')
    parser.add_argument('--keep', help='where to keep the counts, for callgrind_annotate or KCachegrind')
    opt = parser.parse_args()
    if not shutil.which('valgrind'):
        sys.exit('instructions.py: valgrind is missing; install the package valgrind')
    work = tempfile.mkdtemp(prefix='baton-grind-')
    grind = Grind(opt.build, work)
    try:
        said, counts = measure(grind, opt)
        own = [(count, what) for count, _, what in annotate(counts)]
        total, own = own[0][0], own[1:]
        print(f'{total / said["n"]:,.0f} instructions a message ({opt.mode}, {said["n"]} messages)')
        show('by library', by_object([row for row in own if ':' in row[1]]), said['n'], 12)
        show('functions alone', own, said['n'], opt.top)
        show('functions with what they call',
             [(count, what) for count, _, what in annotate(counts, '--inclusive=yes')], said['n'], opt.top)
        for function in opt.callers:
            show(f'who calls {function}', callers_of(counts, function), said['n'], 20)
        if opt.keep:
            shutil.copy(counts, opt.keep)
    finally:
        grind.stop_all()
        shutil.rmtree(work, ignore_errors=True)


if __name__ == '__main__':
    main()
