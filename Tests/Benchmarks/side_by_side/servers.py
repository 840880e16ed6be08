"""How each server is configured, started, asked whether it is ready, and ended."""

import ctypes
import os
import random
import signal
import socket
import struct
import subprocess
import time

READY_SECONDS_MAX = 180
STOP_SECONDS_MAX = 30
PROBE_WAIT_SECONDS = 0.05
NXDOMAIN, NOERROR = 3, 0
PORT_MIN = 10_000

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)
_given = set()


class ServerFailed(Exception):
    """A server did not start, ended early, or answered what it should not."""


def free_port():
    """A port of 127.0.0.1 that is free for UDP and for TCP, and is given out once.

    It lies below those from which the kernel takes the ports of programs that only ask, where those
    leave room: a server that is started anew must find its own free.
    """
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as limits:
        first_of_askers = int(limits.read().split()[0])
    ports = [port for port in range(PORT_MIN, max(first_of_askers, PORT_MIN + 1000))
             if port not in _given]
    for port in random.sample(ports, len(ports)):
        if _is_free(port):
            _given.add(port)
            return port
    raise ServerFailed("no port of 127.0.0.1 is free")


def _is_free(port):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as sock:
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True


def query(name, identifier):
    """A question for the A records of a name."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack(">6H", identifier, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">2H", 1, 1)


class Server:
    """One server under test, or the upstream: configuration, process and port."""

    label = ""
    # What comes back for a listed and for an allowed name; None where nothing is decided.
    blocked_code, allowed_code = NXDOMAIN, NOERROR
    # Whether work is put off until no more is asked.
    puts_off_work = False

    def __init__(self, folder, core):
        self.folder = os.path.join(folder, type(self).__name__.lower())
        os.makedirs(self.folder, exist_ok=True)
        self.core = core
        self.port = free_port()
        self.process = None
        # Answers that the probes of this process had; each of them has its row in a decision log.
        self.probes_sent = self.probes_answered = 0

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="ascii") as out:
            out.write(text)
        return path

    def command(self):
        raise NotImplementedError

    def start(self, name, expected):
        """Starts the process; returns the seconds until `name` was answered as expected."""
        self.probes_sent = self.probes_answered = 0
        begun = time.monotonic()
        with open(os.path.join(self.folder, "output"), "ab") as output:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                cwd=self.folder, start_new_session=True, preexec_fn=self._in_child)
        self.wait_for(name, expected)
        return time.monotonic() - begun

    def _in_child(self):
        os.sched_setaffinity(0, {self.core})
        # Should the benchmark be killed, its servers go with it.
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

    def wait_for(self, name, expected):
        """Asks for a name until the answer is as expected (None: any)."""
        code = None
        until = time.monotonic() + READY_SECONDS_MAX
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise ServerFailed(f"ended with {self.process.returncode}: {self.last_words()}")
            code = self.probe(name)
            if code is not None and (expected is None or code == expected):
                return
            time.sleep(0.005)
        raise ServerFailed(f"not ready after {READY_SECONDS_MAX} s (last answer: {code})")

    def probe(self, name):
        """The response code for a name; None where no answer came in time."""
        identifier = (self.probes_sent + 1) & 0xFFFF
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.settimeout(PROBE_WAIT_SECONDS if self.probes_answered == 0 else 2)
            udp.connect(("127.0.0.1", self.port))
            try:
                udp.send(query(name, identifier))
                self.probes_sent += 1
                answer = udp.recv(4096)
            except ConnectionRefusedError:
                return None
            except TimeoutError:
                return None
            self.probes_answered += 1
            return answer[3] & 0x0F if len(answer) >= 12 and answer[2] & 0x80 else None

    def last_words(self):
        with open(os.path.join(self.folder, "output"), errors="replace") as output:
            lines = output.read().strip().splitlines()
        return lines[-1][:200] if lines else "it said nothing"

    def stop(self):
        """Ends the process by its id."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None


class Echo(Server):
    label = "bare echo (the floor)"
    blocked_code = allowed_code = None

    def __init__(self, folder, core, program):
        super().__init__(folder, core)
        self.program = program

    def command(self):
        return [self.program, str(self.port)]


class Upstream(Server):
    """Answers every name, so that what is not blocked has an answer."""

    def __init__(self, folder, core):
        super().__init__(folder, core)
        self.write("zone", (
            ". 3600 IN SOA ns.upstream. hostmaster.upstream. 1 3600 600 86400 60\n"
            ". 3600 IN NS ns.upstream.\n"
            "ns.upstream. 3600 IN A 127.0.0.1\n"
            "*. 3600 IN A 192.0.2.1\n"))
        self.write("nsd.conf", f"""server:
    ip-address: 127.0.0.1@{self.port}
    server-count: 1
    username: ""
    chroot: ""
    zonesdir: "{self.folder}"
    database: ""
    pidfile: ""
    xfrdfile: ""
    zonelistfile: "{self.folder}/zones"
    xfrdir: "{self.folder}"
    minimal-responses: yes
    rrl-ratelimit: 0
    rrl-whitelist-ratelimit: 0
remote-control:
    control-enable: no
zone:
    name: "."
    zonefile: "zone"
""")

    def command(self):
        return ["nsd", "-d", "-c", os.path.join(self.folder, "nsd.conf")]


class Bellgate(Server):
    label = "bellgate, decision log on"
    puts_off_work = True

    def __init__(self, folder, core, program, list_path, upstream_port):
        super().__init__(folder, core)
        self.program = program
        self.log = os.path.join(self.folder, "log")
        self.write("policy.yaml", f"""bellgate: 1
policy:
  name: Side by side
  reference: BENCH-1
  approved-by: Nobody
  approved-on: 2026-01-01
  review-by: 2099-12-31
  contact: mailto:nobody@example.com
roles: {{ dsl: Nobody, principal: Nobody, it: Nobody }}
time-zone: Europe/London
calendar:
  terms: [2026-01-01 to 2026-12-31]
groups:
  everybody: {{ networks: [127.0.0.0/8] }}
unknown-devices: everybody
lists:
  listed: {{ file: "{list_path}", format: domains }}
rules:
  - id: listed
    block: [listed]
    reason: The name is on the list.
default: allow
""")
        self.write("bellgate.yaml", f"""policy: policy.yaml
listen: {{ dns: ["127.0.0.1:{self.port}"] }}
upstreams: ["127.0.0.1:{upstream_port}"]
allow-from: [private]
log: {{ directory: log, keep: 1d }}
control: bellgate.sock
workers: 1
""")

    def command(self):
        return [self.program, "serve", "--config", os.path.join(self.folder, "bellgate.yaml")]


class Dnsdist(Server):
    label = "dnsdist, no log"

    def __init__(self, folder, core, list_path, upstream_port):
        super().__init__(folder, core)
        self.write("dnsdist.conf", f"""setSecurityPollSuffix("")
setLocal("127.0.0.1:{self.port}")
setACL("127.0.0.0/8")
setUDPMultipleMessagesVectorSize(64)
setUDPSocketBufferSizes(1048576, 0)
setMaxUDPOutstanding(65535)
newServer({{address="127.0.0.1:{upstream_port}", checkInterval=5}})
getPool(""):setCache(newPacketCache(1000000))
local listed = newSuffixMatchNode()
for name in io.lines("{list_path}") do
  listed:add(newDNSName(name))
end
addAction(SuffixMatchNodeRule(listed), RCodeAction(DNSRCode.NXDOMAIN))
""")

    def command(self):
        return ["dnsdist", "--supervised", "--disable-syslog", "-C",
                os.path.join(self.folder, "dnsdist.conf")]


class Unbound(Server):
    label = "unbound, no log"

    def __init__(self, folder, core, list_path, upstream_port):
        super().__init__(folder, core)
        with open(list_path, encoding="ascii") as names:
            self.write("listed.conf", "".join(
                f'local-zone: "{name.strip()}." always_nxdomain\n' for name in names))
        self.write("unbound.conf", f"""server:
    interface: 127.0.0.1
    port: {self.port}
    access-control: 127.0.0.0/8 allow
    num-threads: 1
    so-rcvbuf: 1m
    outgoing-range: 8192
    num-queries-per-thread: 4096
    msg-cache-size: 128m
    rrset-cache-size: 256m
    module-config: "iterator"
    do-not-query-localhost: no
    do-daemonize: no
    username: ""
    chroot: ""
    directory: "{self.folder}"
    pidfile: ""
    use-syslog: no
    verbosity: 0
    include: "{self.folder}/listed.conf"
remote-control:
    control-enable: no
forward-zone:
    name: "."
    forward-addr: 127.0.0.1@{upstream_port}
""")

    def command(self):
        return ["unbound", "-d", "-c", os.path.join(self.folder, "unbound.conf")]
