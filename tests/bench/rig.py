# SPDX-License-Identifier: Apache-2.0
"""Processes of the bench: servers on one core, the load and the mock provider on the other.

Every server is started once and keeps its port; what idles costs nothing. All listen on loopback, on
ports the system picks (nginx cannot, so it gets one that was free a moment ago).
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SERVER_CPU, LOAD_CPU = 0, 1


def pin(cpu):
    def run():
        os.setsid()
        try:
            os.sched_setaffinity(0, {cpu})
        except OSError:
            pass  # one core: then everything shares it, and the table says so
        try:  # with autogroups `nice` says nothing between sessions
            with open('/proc/self/autogroup', 'w') as file:
                file.write('-12')
        except OSError:
            pass
    return run


def free_port():
    with socket.socket() as sock:
        sock.bind(('127.0.0.1', 0))
        return sock.getsockname()[1]


class Server:
    """A process that says on its first line where it listens."""

    def __init__(self, argv, log, cpu=SERVER_CPU, env=None, cwd=None):
        self.argv = argv
        began = time.monotonic()
        with open(log, 'ab') as errors:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors,
                                            preexec_fn=pin(cpu), env=env, cwd=cwd)
        self.pid = str(self.process.pid)
        line = self.process.stdout.readline()
        self.ready_s = time.monotonic() - began
        if not line:
            raise RuntimeError(f'{argv[0]} did not start; see {log}')
        said = json.loads(line)
        self.port = said['port'] if 'port' in said else int(said['base'].rsplit(':', 1)[1])
        self.to = f'127.0.0.1:{self.port}'

    def stop(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()

    def rss_anon(self):
        with open(f'/proc/{self.pid}/status') as file:
            return int(re.search(r'RssAnon:\s+(\d+)', file.read()).group(1)) * 1024

    def cpu_ns(self):
        total = 0
        for task in os.listdir(f'/proc/{self.pid}/task'):
            with open(f'/proc/{self.pid}/task/{task}/schedstat') as file:
                total += int(file.read().split()[0])
        return total


class Nginx(Server):
    """The bare proxy in front of the mock; one process, keep-alive on both sides, nothing buffered."""

    CONF = '''
worker_processes 1; daemon off; master_process off; pid {dir}/nginx.pid; error_log {dir}/nginx.log warn; {user}
events {{ worker_connections 8192; }}
http {{
  access_log off; keepalive_requests 100000000; client_body_temp_path {dir}/t1; proxy_temp_path {dir}/t2;
  fastcgi_temp_path {dir}/t3; uwsgi_temp_path {dir}/t4; scgi_temp_path {dir}/t5;
  upstream mock {{ server 127.0.0.1:{mock}; keepalive 1024; keepalive_requests 100000000; }}
  server {{ listen 127.0.0.1:{port} backlog=4096; location / {{
    proxy_pass http://mock; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; }} }}
}}
'''

    def __init__(self, directory, mock_port):  # it says nothing: what Server waits for is asked here
        os.makedirs(directory, exist_ok=True)
        self.port = free_port()
        self.to = f'127.0.0.1:{self.port}'
        conf = os.path.join(directory, 'nginx.conf')
        with open(conf, 'w') as file:
            file.write(self.CONF.format(dir=directory, mock=mock_port, port=self.port,
                                        user='user root;' if os.geteuid() == 0 else ''))
        program = shutil.which('nginx') or '/usr/sbin/nginx'
        self.process = subprocess.Popen([program, '-c', conf, '-p', directory], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, preexec_fn=pin(SERVER_CPU))
        self.pid = str(self.process.pid)
        for _ in range(200):
            with socket.socket() as sock:
                if sock.connect_ex(('127.0.0.1', self.port)) == 0:
                    return
            time.sleep(0.02)
        raise RuntimeError('nginx did not start')


class Rig:
    def __init__(self, build, work):
        self.build, self.work = os.path.abspath(build), os.path.abspath(work)
        shutil.rmtree(self.work, ignore_errors=True)
        os.makedirs(self.work)
        self.servers = {}
        self.mock = self.start('mock', [self.tool('mock')], cpu=LOAD_CPU)

    def tool(self, name):
        return os.path.join(self.build, 'bench', name)

    def start(self, name, argv, **more):
        self.servers[name] = Server(argv, os.path.join(self.work, f'{name}.log'), **more)
        return self.servers[name]

    def nginx(self):
        self.servers['nginx'] = Nginx(os.path.join(self.work, 'nginx'), self.mock.port)
        return self.servers['nginx']

    def baton(self, name, *options, model='plain', data=None):
        policies = os.path.join(self.work, f'policies-{model}')
        if not os.path.exists(policies):
            write_policies(policies, f'http://127.0.0.1:{self.mock.port}/v1', model)
        secrets = os.path.join(self.work, 'secrets')
        os.makedirs(secrets, exist_ok=True)
        return self.start(name, [
            os.path.join(self.build, 'baton'), 'serve', '--policies', policies, '--secrets', secrets,
            '--data', data or os.path.join(self.work, f'data-{name}'), '--listen', '127.0.0.1:0', '--workers', '1',
            '--modules', os.path.join(self.build, 'modules'), '--web', os.path.join(ROOT, 'channels', 'web'),
            '--allow-loopback-http', '--no-rate-limit', '--json', '--log-level', 'warn', '--grace', '0', *options])

    def stop(self, name):
        self.servers.pop(name).stop()

    def stop_all(self):
        for name in list(self.servers):
            self.stop(name)

    def run(self, tool, *args):
        """One measurement on the load's core; its JSON."""
        done = subprocess.run([self.tool(tool), *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              preexec_fn=pin(LOAD_CPU), timeout=300)
        if done.returncode != 0:
            raise RuntimeError(f'{tool} {" ".join(map(str, args))}: {done.stderr.decode().strip()}')
        if done.stderr:
            print(done.stderr.decode().strip(), flush=True)
        return json.loads(done.stdout)

    def load(self, mode, server, *args):
        return self.run('load', mode, '--to', server.to, '--pid', server.pid, *args)

    def body_bytes(self, server):
        """What `server` puts into a request, on average: a raw client and a proxy must carry as much."""
        self.load('turn', server, '--conns', 10, '--each', 5, '--pool', 5000, '--seconds', 0.3, '--warm', 0)
        with urllib.request.urlopen(f'http://{self.mock.to}/') as said:
            counts = json.load(said)
        return round(counts['bytes'] / counts['bodies'])

    def hold(self, server, *args):
        """Connections that stay open until .stdin is closed; (process, what it said when all were open)."""
        process = subprocess.Popen([self.tool('load'), 'hold', '--to', server.to, '--pid', server.pid, *map(str, args)],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=pin(LOAD_CPU))
        line = process.stdout.readline()
        if not line:
            raise RuntimeError('the connections did not open')
        return process, json.loads(line)


def end_hold(process):
    process.stdin.close()
    process.wait(60)
    process.stdout.close()


def write_policies(directory, base_url, model):
    """The demonstration shop with its intents and rules, but one model for everything, and rules that never tire
    of a customer who asks thousands of questions."""
    shutil.copytree(os.path.join(ROOT, 'policies', 'shop'), directory)
    for name in ('knowledge', 'guards.yaml', 'tools.yaml'):
        path = os.path.join(directory, name)
        shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)
    intents = []
    for name in sorted(os.listdir(os.path.join(directory, 'intents'))):
        with open(os.path.join(directory, 'intents', name)) as file:
            text = file.read()
        intents += re.findall(r'^- name: (\S+)\n(?:  .*\n)*?  tier: 1$', text, re.M)
    mock = re.match(r'http://([^/]+)', base_url).group(1)
    files = {
        'modules.yaml': {'modules': [
            {'name': 'classifier', 'kind': 'classifier', 'file': 'classifier-linear.so'},
            {'name': 'rules', 'kind': 'rule', 'file': 'rule-policy.so'},
            {'name': 'mock', 'kind': 'provider', 'file': 'provider-openai.so', 'egress': [mock],
             'config': {'base_url': base_url, 'stream': model != 'plain'}}]},
        'targets.yaml': {'targets': [{'name': 'mock', 'provider': 'mock', 'model': model, 'account': 'bench',
                                      'prompt': 'support', 'max_output_tokens': 600}]},
        'routes.yaml': {'routes': [{'intent': name, 'primary': 'mock'} for name in intents] + [
            {'intent': 'default', 'primary': 'mock', 'class': 'general-information', 'tier': 1, 'queue': 'general'}]},
        'modes.yaml': {'modes': []},
    }
    for name, content in files.items():
        with open(os.path.join(directory, name), 'w') as file:
            json.dump(content, file, indent=1)
    edit(os.path.join(directory, 'classes.yaml'), r'approved: \[.*?\]', 'approved: [mock]')
    edit(os.path.join(directory, 'classes.yaml'), r'(?m)^  mode: .*\n', '')  # a thousand waiting cases would enter one
    edit(os.path.join(directory, 'classes.yaml'), 'on_failure: pause', 'on_failure: escalate')
    edit(os.path.join(directory, 'escalation.yaml'), r'unresolved_exchanges >= (\([^)]*\)|\d+)',
         'unresolved_exchanges >= 1000000')


def edit(path, pattern, replacement):
    with open(path) as file:
        text = file.read()
    with open(path, 'w') as file:
        file.write(re.sub(pattern, replacement, text))
