"""The rows that `figures` measures: each gives what was measured, with goals and whether they are met."""

import json
import os
import shutil
import socket
import subprocess

from . import bell, measure, reload, servers, workload

ROWS = ("parts", "compile", "memory", "start", "reload", "tenfold", "planes", "hostile", "bell")
SYNTHETIC_NAMES = 1_250_000
STARTS = 7
ASKED_OF_EACH_KIND = 20_000


def goal(text, value, limit):
    """One promise: what was measured, and the most that it may be."""
    return {"goal": text, "measured": round(value, 4), "limit": limit, "met": bool(value <= limit)}


class Bench:
    """The programs, the list, and the rows that are measured with them."""

    def __init__(self, folder, binary, benchmarks, names, with_instructions):
        self.folder, self.binary, self.benchmarks = folder, binary, benchmarks
        self.names, self.with_instructions = names, with_instructions
        self.list_path = os.path.join(folder, "listed.txt")
        self.write_list(names)
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) < 2:
            raise SystemExit("figures: two cores are needed, one for the server and one for the load")
        self.server_core, self.load_core = cores[:2]
        os.sched_setaffinity(0, {self.load_core})
        self.upstream = self.server = None

    def write_list(self, names, path=None):
        """Writes the list beside its place and renames it, as whoever updates lists should."""
        path = path or self.list_path
        with open(path + ".new", "w", encoding="ascii") as out:
            out.writelines(name + "\n" for name in names)
        os.rename(path + ".new", path)

    def measure(self, row):
        return getattr(self, row)()

    def stop(self):
        for server in (self.server, self.upstream):
            if server:
                server.stop()

    # -- the measuring program

    def run(self, *arguments):
        done = subprocess.run(
            ["taskset", "-c", str(self.server_core), self.benchmarks, *arguments, "--json"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=True)
        return json.loads(done.stdout)

    def parts(self):
        found = self.run("parts", "--list", self.list_path)
        if self.with_instructions:
            for part, figures in found.items():
                figures["instructions"] = self.instructions(part)
        return {"figures": found, "goals": [
            goal(f"processor time of a {kind} query without its sockets, us, with {len(self.names):,} names",
                 found[f"query {kind}, whole"]["median_ns"] / 1000, 0.6)
            for kind in ("blocked", "cached")]}

    def instructions(self, part, fewer=2_000, more=202_000):
        """Instructions of one operation: what more operations took, over how many more there were."""
        short = os.path.join(self.folder, "short.txt")
        with open(short, "w", encoding="ascii") as out:
            # From all over the list: neighbours are alike.
            step = max(len(self.names) // 20_000, 1)
            out.writelines(name + "\n" for name in self.names[::step])
        # Valgrind does not read this compiler's debugging information, and needs none.
        bare = os.path.join(self.folder, "benchmarks")
        subprocess.run(["strip", "--strip-debug", "-o", bare, self.benchmarks], check=True)
        counts = []
        for operations in (fewer, more):
            done = subprocess.run(
                ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", bare,
                 "count", part, "--list", short, "--operations", str(operations)],
                stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
            collected = next(line for line in done.stderr.splitlines() if "Collected :" in line)
            counts.append(int(collected.split(":")[1].split()[0]))
        return round((counts[1] - counts[0]) / (more - fewer), 1)

    def compile(self):
        found = self.run("compile", "--list", self.list_path)
        return {"figures": found, "goals": [
            goal(f"processor seconds for {each['names']:,} names as {name}", each["median_s"], 1.0)
            for name, each in found.items()]}

    def tenfold(self):
        found = self.run("tenfold", "--list", self.list_path)
        return {"figures": found, "goals": [
            goal("octets a name, ten times the names over the names", found["bytes_per_name_ratio"], 1.1),
            goal("look-up in batches, listed, over the same", found["hit, batched"]["ratio"], 1.15),
            goal("look-up in batches, not listed, over the same", found["miss, batched"]["ratio"], 1.15)]}

    def planes(self):
        found = self.run("planes")
        return {"figures": found, "goals": [
            goal("making a plane, ms, the dearest of 300", found["making_worst_ms"], 10),
            goal("the dearest of 4,096 look-ups after a bell, us, each its median over 41 bells",
                 found["dearest_look_up_after_a_bell_us"], 50)]}

    def hostile(self):
        found = self.run("hostile", "--list", self.list_path)
        goals = [goal(f"look-up of {name}, over an ordinary one", each["ratio"], 2)
                 for name, each in found.items() if isinstance(each, dict) and "ratio" in each]
        lines = found["million_lines"]
        goals.append(goal("a million lines all the same, over a million that differ",
                          lines["same_s"] / lines["different_s"], 2))
        return {"figures": found, "goals": goals}

    # -- the server

    def start_server(self, *, fresh, policy=None):
        """Starts a server on the list, by a policy of its own; gives the seconds to its first right answer."""
        if self.upstream is None:
            self.upstream = servers.Upstream(self.folder, self.load_core)
            self.upstream.start("ready.probe.xz", servers.NOERROR)
        self.server = servers.Bellgate(
            self.folder, self.server_core, self.binary, self.list_path, self.upstream.port)
        if policy:
            self.server.write("policy.yaml", policy(self.server))
        if fresh:
            shutil.rmtree(self.index_folder, ignore_errors=True)
        shutil.rmtree(self.server.log, ignore_errors=True)
        return self.server.start(self.names[0], servers.NXDOMAIN)

    @property
    def index_folder(self):
        return os.path.join(self.server.folder, "index")

    def index_file(self):
        found = [name for name in os.listdir(self.index_folder) if name.endswith(".bgi")]
        return os.stat(os.path.join(self.index_folder, found[0]))

    def memory(self):
        self.start_server(fresh=True)
        anon = measure.memory_kib(self.server.process.pid)["anon"]
        mapped = self.index_file().st_size
        wrong = self.wrong_answers()
        self.server.stop()
        # What the same server takes with a single name is not the list's.
        self.write_list(self.names[:1])
        self.start_server(fresh=True)
        bare = measure.memory_kib(self.server.process.pid)["anon"]
        self.server.stop()
        self.write_list(self.names)
        count = len(self.names)
        return {"figures": {"names": count, "rss_anon_kib": anon, "rss_anon_of_one_name_kib": bare,
                            "index_bytes": mapped, "asked": 2 * ASKED_OF_EACH_KIND}, "goals": [
            goal("own octets (RssAnon) a name, over a server with one name", (anon - bare) * 1024 / count, 2),
            goal("mapped octets a name", mapped / count, 32),
            goal("wrong answers for listed and unlisted names", wrong, 0)]}

    def wrong_answers(self):
        """Asks for listed names and for names like them that nothing covers."""
        work = workload.Workload(self.names)
        step = max(len(self.names) // ASKED_OF_EACH_KIND, 1)
        listed = self.names[::step][:ASKED_OF_EACH_KIND]
        others = []
        for name in listed:
            first, _, rest = name.partition(".")
            other = f"{first[:-1]}{'q' if first[-1] != 'q' else 'p'}.{rest}"
            if not work.covers(other):
                others.append(other)
        wrong = 0
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.settimeout(2)
            udp.connect(("127.0.0.1", self.server.port))
            for names, code in ((listed, servers.NXDOMAIN), (others, servers.NOERROR)):
                for number, name in enumerate(names):
                    udp.send(servers.query(name, number & 0xFFFF))
                    wrong += udp.recv(4096)[3] & 0x0F != code
        return wrong

    def start(self):
        first = self.start_server(fresh=True)
        cpu_first = sum(measure.cpu_micros(self.server.process.pid)) / 1e6
        kept = self.index_file()
        self.server.stop()
        again, cpu_again = [], []
        for _ in range(STARTS):
            again.append(self.start_server(fresh=False))
            cpu_again.append(sum(measure.cpu_micros(self.server.process.pid)) / 1e6)
            self.server.stop()
        now = self.index_file()
        changed = (now.st_ino, now.st_mtime_ns) != (kept.st_ino, kept.st_mtime_ns)
        again.sort()
        return {"figures": {"first_s": first, "first_cpu_s": cpu_first, "again_s": again,
                            "again_cpu_s": sorted(cpu_again)}, "goals": [
            goal("ms from the start to the first right answer, median", again[STARTS // 2] * 1000, 100),
            goal("indexes made anew though nothing had changed", int(changed), 0)]}

    def bell(self):
        try:
            found = bell.measure(self)
        finally:
            self.server.stop()
        return {"figures": found, "goals": [
            goal(f"after a real bell ({bell.GROUPS} groups, {bell.RULES} rules): us more for the dearest query by the "
                 f"server's own clock than in other seconds, median of {found['bells']}",
                 found["more_by_own_clock_us"], 50),
            goal("the same for clients: us that the p90 of the 512 queries after it is above that of others",
                 found["more_for_clients_us"], 50),
            goal("answers of the wrong side of a bell", found["wrong"], 0)]}

    def reload(self):
        self.start_server(fresh=True)
        try:
            found = reload.measure_all(self)
        finally:
            self.server.stop()
            self.write_list(self.names)
        goals = []
        for kind in ("policy changed", "list changed"):
            during = found[kind]
            goals += [
                goal(f"{kind}: queries lost", during["lost"], 0),
                goal(f"{kind}: reloads that did not come into force", during["failed"], 0),
                goal(f"{kind}: p99.9 latency over that without a change, median of "
                     f"{len(during['p999_ratios'])} rounds", during["p999_ratio"], 2),
                goal(f"{kind}: own memory at its peak over that before the change", during["anon_ratio"], 1.1)]
        return {"figures": found, "goals": goals}


def missed(measured):
    return [each for row in measured["rows"].values() for each in row["goals"] if not each["met"]]


def table(measured):
    """Everything that was measured, as Markdown."""
    host = measured["machine"]
    lines = [f"Measured on {measured['date']}, {measured['commit']}: {host['cpu']}, {host['cores']} cores, "
             f"Linux {host['kernel']}, {host['system']}; load before "
             f"{host['load_before']}, after {host['load_after']} (its own work is about 2).", "",
             "| row | what | goal | measured | |", "|---|---|--:|--:|---|"]
    for name, row in measured["rows"].items():
        for each in row["goals"]:
            lines.append(f"| {name} | {each['goal']} | ≤ {each['limit']} | {each['measured']:.3g} | "
                         f"{'' if each['met'] else 'missed'} |")
    parts = measured["rows"].get("parts")
    if parts:
        lines += ["", "| part | ns, least | ns, median | instructions |", "|---|--:|--:|--:|"]
        for name, each in parts["figures"].items():
            lines.append(f"| {name} | {each['minimum_ns']:.1f} | {each['median_ns']:.1f} | "
                         f"{each.get('instructions', '–')} |")
    return "\n".join(lines) + "\n"
