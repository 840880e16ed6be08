"""A server under a steady load while its policy and its list change."""

import os
import re
import subprocess
import threading
import time

from . import measure

QUERIES_PER_SECOND = 5_000
SECONDS = 10
ROUNDS = 3
EVERY_SECONDS = 2
CHANGES_FOR_MEMORY = 5
SETTLING_SECONDS = 1
# Until the log's store has taken what the loads have left.
STORE_SECONDS = 20
_SAMPLE_SECONDS = 0.002
_LINE = re.compile(r"^> \S+ \S+ \S+ ([0-9.]+)$", re.MULTILINE)


class Watch(threading.Thread):
    """The peak of a server's own memory, and of its children's, as far as can be seen from outside."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.peak, self.children_peak, self._over = pid, 0, 0, threading.Event()

    def run(self):
        while not self._over.wait(_SAMPLE_SECONDS):
            self.peak = max(self.peak, measure.memory_kib(self.pid)["anon"])
            with open(f"/proc/{self.pid}/task/{self.pid}/children", encoding="ascii") as children:
                for child in children.read().split():
                    try:
                        self.children_peak = max(self.children_peak, measure.memory_kib(child)["anon"])
                    except (OSError, KeyError):
                        pass

    def end(self):
        self._over.set()
        self.join()


def _load(bench, queries):
    """A steady load for some seconds; gives its output."""
    return subprocess.run(
        ["taskset", "-c", str(bench.load_core), "dnsperf", "-s", "127.0.0.1", "-p", str(bench.server.port),
         "-d", queries, "-c", str(measure.SOCKETS), "-T", "1", "-q", "1000", "-l", str(SECONDS), "-e", "-v",
         "-t", str(measure.LOST_AFTER_SECONDS), "-Q", str(QUERIES_PER_SECOND)],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True).stdout


def _during(bench, queries, change, command):
    """The load, with a change and a command every so often; what it felt of that."""
    failed, changes, over = [], [], threading.Event()

    def go_on():
        number = 0
        while not over.wait(EVERY_SECONDS):
            number += 1
            change(number)
            done = subprocess.run(
                ["taskset", "-c", str(bench.load_core), bench.binary, command, "--config",
                 os.path.join(bench.server.folder, "bellgate.yaml")],
                stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
            changes.append(number)
            if done.returncode:
                failed.append(done.stdout + done.stderr)

    changer = threading.Thread(target=go_on, daemon=True)
    changer.start()
    output = _load(bench, queries)
    over.set()
    changer.join()
    latencies = sorted(float(found) * 1e6 for found in _LINE.findall(output))
    lost = int(re.search(r"Queries lost:\s+(\d+)", output).group(1))
    return {
        "queries": len(latencies), "lost": lost, "changes": len(changes), "failed": len(failed),
        "failures": failed[:3],
        "p50_us": latencies[len(latencies) // 2], "p999_us": latencies[len(latencies) * 999 // 1000],
        "worst_us": latencies[-1],
    }


def _memory(bench, change):
    """The server's own memory at its peak while it takes a change up, over that just before.

    Without a load: what the log's store takes for the rows of one would be seen as the change's.
    """
    found = []
    for number in range(100, 100 + CHANGES_FOR_MEMORY):
        before = measure.memory_kib(bench.server.process.pid)["anon"]
        watch = Watch(bench.server.process.pid)
        watch.start()
        change(number)
        subprocess.run([bench.binary, "reload", "--config", os.path.join(bench.server.folder, "bellgate.yaml")],
                       stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
        time.sleep(SETTLING_SECONDS)
        watch.end()
        found.append({"before_kib": before, "peak_kib": watch.peak, "children_peak_kib": watch.children_peak})
    return {"anon": found, "anon_ratio": max(each["peak_kib"] / each["before_kib"] for each in found)}


def _write_policy(path, text, number):
    with open(path, "w", encoding="ascii") as policy:
        policy.write(text.replace("The name is on the list.", f"The name is on list {number}."))


def _paired(rounds):
    """Rounds of the same work for the load's core, without and with a change for the server."""
    ratios = sorted(each["with"]["p999_us"] / each["without"]["p999_us"] for each in rounds)
    during = [each["with"] for each in rounds]
    return {
        "rounds": rounds, "p999_ratios": ratios, "p999_ratio": ratios[len(ratios) // 2],
        "changes": sum(each["changes"] for each in during), "lost": sum(each["lost"] for each in during),
        "failed": sum(each["failed"] for each in during),
    }


def measure_all(bench):
    """With the policy and with the list changing, each beside the same load without.

    What a change is for the load's own core, the writing of files and the starting of a program, is
    the same without: it goes to files that the server does not read.
    """
    queries = os.path.join(bench.folder, "reload.queries")
    with open(queries, "w", encoding="ascii") as out:
        for number in range(20_000):
            name = bench.names[number * 37 % len(bench.names)] if number % 2 else f"n{number % 1000}.allowed.xz"
            out.write(f"{name} A\n")
    policy_path = os.path.join(bench.server.folder, "policy.yaml")
    other_policy, other_list = (os.path.join(bench.folder, name) for name in ("other.yaml", "other.txt"))
    with open(policy_path, encoding="ascii") as policy:
        text = policy.read()
    kinds = {
        "policy changed": (lambda number: _write_policy(other_policy, text, number),
                           lambda number: _write_policy(policy_path, text, number)),
        "list changed": (lambda number: bench.write_list(bench.names + [f"changed-{number}.xy"], other_list),
                         lambda number: bench.write_list(bench.names + [f"changed-{number}.xy"])),
    }
    rounds = {kind: [] for kind in kinds}
    # What a first pass brings into the cache and into memory is not what a reload costs.
    for _ in range(2):
        _load(bench, queries)
    for _ in range(ROUNDS):
        for kind, (elsewhere, change) in kinds.items():
            rounds[kind].append({"without": _during(bench, queries, elsewhere, "status"),
                                 "with": _during(bench, queries, change, "reload")})
    time.sleep(STORE_SECONDS)
    return {kind: _paired(each) | _memory(bench, kinds[kind][1]) for kind, each in rounds.items()}
