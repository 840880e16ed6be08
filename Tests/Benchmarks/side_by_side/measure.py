"""One run of the load generator against one server, and what it cost the server's process."""

import collections
import os
import re
import subprocess
import time

SOCKETS = 8
IN_FLIGHT = 200
# A query unanswered after this long is lost.
LOST_AFTER_SECONDS = 3
# A core is quiet when less than this share of it is used, for so many windows.
QUIET_SHARE = 0.04
_WINDOW_SECONDS = 0.25
SETTLED_WINDOWS = 10
SETTLED_WITHIN_SECONDS = 30
_TICK_MICROS = 1_000_000 / os.sysconf("SC_CLK_TCK")

SCENARIOS = ("blocked", "cached", "miss", "mix")


class LoadFailed(Exception):
    """The load generator could not do its work."""


def _times(path):
    """User and system time, from a stat file below /proc."""
    with open(path, encoding="ascii", errors="replace") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return int(fields[11]) * _TICK_MICROS, int(fields[12]) * _TICK_MICROS


def cpu_micros(pid):
    """User and system time of a process, all threads.

    Their sum is the process's. The kernel knows the sum exactly and how it is divided by samples; for
    a process it divides the sum of a life, so that what was done before a run would tint the run.
    Hence the share of user time is that of the threads, each by itself.
    """
    both = sum(_times(f"/proc/{pid}/stat"))
    user = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        try:
            user += _times(f"/proc/{pid}/task/{thread}/stat")[0]
        except OSError:
            continue  # it has just ended
    return user, both - user


def core_busy_micros(core):
    """What a core has worked for anybody, stolen time included, from /proc/stat."""
    with open("/proc/stat", encoding="ascii") as stat:
        fields = next(line.split() for line in stat if line.startswith(f"cpu{core} "))
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, fields[1:9])
    return (user + nice + system + irq + softirq + steal) * _TICK_MICROS


def settle(core):
    """Waits until nobody has worked on a core for some seconds; gives up after a while.

    A server may have put off work until it is asked no more, as Bellgate does with its log's store,
    which begins after two quiet seconds.
    """
    quiet, until = 0, time.monotonic() + SETTLED_WITHIN_SECONDS
    while quiet < SETTLED_WINDOWS and time.monotonic() < until:
        before = core_busy_micros(core)
        time.sleep(_WINDOW_SECONDS)
        busy = core_busy_micros(core) - before
        quiet = quiet + 1 if busy <= QUIET_SHARE * _WINDOW_SECONDS * 1_000_000 else 0


def memory_kib(pid):
    """Resident memory, and the part of it that is the process's own."""
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
        values = dict(line.split(":", 1) for line in status)
    return {"rss": int(values["VmRSS"].split()[0]), "anon": int(values["RssAnon"].split()[0])}


def _load(core, port, queries, limits):
    command = [
        "taskset", "-c", str(core), "dnsperf", "-s", "127.0.0.1", "-p", str(port), "-d", queries,
        "-c", str(SOCKETS), "-T", "1", "-q", str(IN_FLIGHT), "-t", str(LOST_AFTER_SECONDS), "-e",
    ] + limits
    seconds = int(limits[1]) if limits[0] == "-l" else 20
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        timeout=seconds + LOST_AFTER_SECONDS + 20)
    if done.returncode != 0 or "Queries completed" not in done.stdout:
        raise LoadFailed(f"dnsperf ended with {done.returncode}: {done.stderr.strip()[-200:]}")
    return done.stdout


def _number(output, name):
    found = re.search(rf"{name}:\s+([0-9.]+)", output)
    return float(found.group(1)) if found else 0.0


def _codes(output):
    found = re.search(r"Response codes:\s+(.*)", output)
    pairs = re.findall(r"([A-Z0-9]+) (\d+)", found.group(1)) if found else []
    return {code: int(count) for code, count in pairs}


def _summary(output):
    return {
        "sent": int(_number(output, "Queries sent")),
        "completed": int(_number(output, "Queries completed")),
        "lost": int(_number(output, "Queries lost")),
    }


def warm(core, server, queries, limits):
    """Load that is not measured. Returns what was sent and completed."""
    return _summary(_load(core, server.port, queries, limits))


def second(core, server, queries):
    """Load for a second: what it cost the server, and what came of it."""
    pid = server.process.pid
    begun, core_before = time.monotonic(), core_busy_micros(server.core)
    user_before, system_before = cpu_micros(pid)
    output = _load(core, server.port, queries, ["-l", "1"])
    user_after, system_after = cpu_micros(pid)
    ended, core_after = time.monotonic(), core_busy_micros(server.core)
    return _summary(output) | {
        "user": user_after - user_before, "system": system_after - system_before,
        "core": core_after - core_before, "elapsed": (ended - begun) * 1_000_000,
        "load_seconds": _number(output, r"Run time \(s\)"),
        "latency": _number(output, r"Average Latency \(s\)") * 1_000_000,
        "codes": _codes(output),
    }


def sum_up(seconds):
    """One run made of its seconds. CPU is per completed query."""
    def total(key):
        return sum(second[key] for second in seconds)

    completed, spent = max(total("completed"), 1), total("user") + total("system")
    codes = collections.Counter()
    for second in seconds:
        codes.update(second["codes"])
    return {
        "sent": total("sent"), "completed": total("completed"), "lost": total("lost"),
        "user_micros": total("user") / completed, "cpu_micros": spent / completed,
        "queries_per_second": total("completed") / max(total("load_seconds"), 1e-6),
        "latency_micros": sum(s["latency"] * s["completed"] for s in seconds) / completed,
        "busy": spent / max(total("elapsed"), 1),
        # What anybody else had of the server's core; not near 0, the figures are not to be trusted.
        "others": max((total("core") - spent) / max(total("elapsed"), 1), 0),
        "codes": dict(codes),
    }
