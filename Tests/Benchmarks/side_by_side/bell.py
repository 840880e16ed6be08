"""A real bell: a server under a steady load whose policy changes with the minutes of the clock."""

import csv
import gc
import os
import socket
import subprocess
import time

from . import servers

BELLS = 4
GROUPS, RULES, LISTS = 200, 500, 16
ASKING_GROUPS = 8
NAMES = 64
# Queries after a bell that are compared with as many elsewhere: all groups with all names.
_QUERIES = ASKING_GROUPS * NAMES
# So far from a bell a query is elsewhere.
_QUIET_SECONDS = 1.0


def _zone():
    """A zone in which no bell of the next minutes is at midnight, and the minutes since midnight there."""
    now = time.gmtime()
    minute = now.tm_hour * 60 + now.tm_min
    return ("Etc/UTC", minute) if minute < 1380 else ("Asia/Tokyo", (minute + 540) % 1440)


def _clock(minute):
    return f"{minute // 60:02}:{minute % 60:02}"


def _policy(list_path, folder, zone, first):
    """As large as any: every group's first rule holds in every other minute from `first` on."""
    windows = ", ".join(f"{_clock(at)}-{_clock(at + 1)}" for at in range(first, first + BELLS, 2))
    lists = "".join(f"  small-{number}: {{ file: \"{folder}/small-{number}.txt\", format: domains }}\n"
                    for number in range(LISTS))
    for number in range(LISTS):
        with open(os.path.join(folder, f"small-{number}.txt"), "w", encoding="ascii") as out:
            out.writelines(f"n{place}.small-{number}.xz\n" for place in range(50))
    groups = "".join(f"  group-{number}: {{ networks: [127.1.{number}.0/24] }}\n" for number in range(GROUPS))
    rules = "".join(f"  - {{ id: closed-{number}, for: [group-{number}], block: everything, during: [bells], "
                    f"reason: Not now. }}\n" for number in range(GROUPS))
    rules += "".join(f"  - {{ id: rule-{number}, for: [group-{number * 7 % GROUPS}, group-{number * 3 % GROUPS}], "
                     f"block: [small-{number % LISTS}], except-during: [bells], reason: Listed. }}\n"
                     for number in range(RULES - GROUPS - 1))
    return f"""bellgate: 1
policy: {{ name: Bells, reference: BENCH-2, contact: "mailto:nobody@example.com" }}
roles: {{ dsl: Nobody, principal: Nobody, it: Nobody }}
time-zone: {zone}
calendar: {{ terms: [2026-01-01 to 2026-12-31] }}
periods:
  bells: {{ when: always, mon-sun: "{windows}" }}
groups:
{groups}  everybody: {{ networks: [127.0.0.0/8] }}
unknown-devices: everybody
lists:
  listed: {{ file: "{list_path}", format: domains }}
{lists}rules:
{rules}  - {{ id: listed, block: [listed], reason: The name is on the list. }}
default: allow
"""


def _sockets(port):
    made = []
    for group in range(ASKING_GROUPS):
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind((f"127.1.{group}.1", 0))
        udp.settimeout(3)
        udp.connect(("127.0.0.1", port))
        made.append(udp)
    return made


def _ask(sockets, until):
    """Asks one question after the other; gives when each was sent, how long it took, and its code."""
    questions = [servers.query(f"n{number}.allowed.xz", number) for number in range(NAMES)]
    clock, wall, asked, number = time.perf_counter_ns, time.time, [], 0
    while True:
        udp, question = sockets[number % len(sockets)], questions[number // len(sockets) % NAMES]
        number += 1
        sent, begun = wall(), clock()
        udp.send(question)
        code = udp.recv(1500)[3] & 0x0F
        asked.append((sent, (clock() - begun) / 1000, code))
        if sent > until:
            return asked


def measure(bench):
    """Starts a server whose bells are the next minutes', and asks it through all of them."""
    zone, minute = _zone()
    # The server must be ready, and the quiet before the first bell long enough to compare with.
    first = minute + 1 if time.time() % 60 < 40 else minute + 2
    first_bell = (int(time.time()) // 60 + first - minute) * 60
    bench.start_server(fresh=False, policy=lambda server: _policy(bench.list_path, server.folder, zone, first))
    sockets = _sockets(bench.server.port)
    gc.disable()
    try:
        _ask(sockets, time.time() + 1)
        asked = _ask(sockets, first_bell + (BELLS - 1) * 60 + 2)
    finally:
        gc.enable()
        for udp in sockets:
            udp.close()
    bells = [first_bell + 60 * number for number in range(BELLS)]
    return {"bells": BELLS} | _summary(asked, bells) | _own_clock(bench, bells)


def _summary(asked, bells):
    """What clients felt: equally many queries after each bell and elsewhere."""
    wrong, runs, at_bells = 0, [], []
    for sent, _, code in asked:
        # One that was on its way when the bell rang may have either answer.
        if not any(bell - 0.01 < sent < bell for bell in bells):
            wrong += code != (servers.NXDOMAIN if sum(sent >= bell for bell in bells) % 2 else servers.NOERROR)
    latencies = [micros for _, micros, _ in asked]
    firsts = [next(place for place, each in enumerate(asked) if each[0] >= bell) for bell in bells]
    for first in firsts:
        at_bells.append(_p90(latencies[first:first + _QUERIES]))
    for start in range(0, len(asked) - _QUERIES, _QUERIES):
        if all(abs(asked[start][0] - bell) > _QUIET_SECONDS for bell in bells):
            runs.append(_p90(latencies[start:start + _QUERIES]))
    runs.sort()
    at_bells.sort()
    every = sorted(latencies)
    return {
        "queries": len(asked), "wrong": wrong, "p50_us": every[len(every) // 2],
        "p90_after_bells_us": at_bells, "p90_elsewhere_us": runs[len(runs) // 2],
        "more_for_clients_us": at_bells[(len(bells) - 1) // 2] - runs[len(runs) // 2],
    }


def _p90(latencies):
    """What others on the machine do to one query in ten is left out; the server's own clock has every query."""
    return sorted(latencies)[len(latencies) * 9 // 10]


def _own_clock(bench, bells):
    """The dearest query of each second by the server's own clock, from the record of its decisions."""
    seconds = {}
    for number, bell in enumerate(bells):
        for start, kind in [(bell, "bells")] + [(bell - 45 + 5 * step, "elsewhere") for step in range(8)]:
            since, until = (time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)) for at in (start, start + 1))
            rows = subprocess.run(
                [bench.binary, "log", "export", "--directory", bench.server.log, "--since", since, "--until", until,
                 "--format", "csv"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True).stdout
            micros = [int(row["micros"]) for row in csv.DictReader(rows.splitlines())]
            if micros:
                seconds.setdefault(kind, []).append(max(micros))
        if len(seconds.get("bells", [])) != number + 1:
            raise servers.ServerFailed("the log has no decisions after a bell")
    at_bells, elsewhere = sorted(seconds["bells"]), sorted(seconds["elsewhere"])
    return {
        "dearest_after_bells_us": at_bells, "dearest_elsewhere_us": elsewhere,
        "more_by_own_clock_us": at_bells[(len(at_bells) - 1) // 2] - elsewhere[len(elsewhere) // 2],
    }
