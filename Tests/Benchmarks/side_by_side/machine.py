"""What a benchmark needs of the machine: its packages, and what it is."""

import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import time

# Cores are near each other when a word goes there and back in at most so many times the least.
_NEAR = 2.5
_LOOKS_AT_FIRST = 20
_LOOK_SECONDS = 0.25
# How long one second of load waits for that, and all of them together.
_WAIT_SECONDS_MAX = 30
ALL_WAITS_SECONDS_MAX = 900


def say(text):
    print(text, file=sys.stderr, flush=True)


def install(tools):
    """Installs the Debian packages of the tools (tool: package) that are missing, without starting
    services."""
    os.environ["PATH"] += os.pathsep + "/usr/sbin" + os.pathsep + "/sbin"
    packages = sorted({package for tool, package in tools.items() if not shutil.which(tool)})
    if not packages:
        return
    say(f"Installing Debian packages: {' '.join(packages)}")
    as_root = [] if os.geteuid() == 0 else ["sudo"]
    policy = "/usr/sbin/policy-rc.d"
    made_policy = os.geteuid() == 0 and not os.path.exists(policy)
    try:
        if made_policy:
            with open(policy, "w", encoding="ascii") as out:
                out.write("#!/bin/sh\nexit 101\n")
            os.chmod(policy, 0o755)
        apt = as_root + ["env", "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1", "apt-get", "-q", "-y"]
        for step in (["update"], ["install", "--no-install-recommends"] + packages):
            done = subprocess.run(apt + step, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False)
            if done.returncode:
                raise SystemExit(f"install these and run again: apt-get install {' '.join(packages)}")
    finally:
        if made_policy:
            os.remove(policy)
    services = [name for name in packages if name in ("nsd", "dnsdist", "unbound")]
    if services and shutil.which("systemctl"):
        subprocess.run(as_root + ["systemctl", "disable", "--now", "--quiet"] + services,
                       stdin=subprocess.DEVNULL, capture_output=True, check=False)


def output_of(*command):
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout + done.stderr


def facts():
    """What the figures were measured on."""
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as info:
        model = re.search(r"model name\s*:\s*(.*)", info.read())
    with open("/etc/os-release", encoding="utf-8") as release:
        system = re.search(r'PRETTY_NAME="?([^"\n]*)', release.read())
    return {
        "cpu": model.group(1) if model else platform.machine(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "system": system.group(1) if system else "",
        "load_before": round(os.getloadavg()[0], 2),
    }


def commit(root):
    """The commit of the sources, and whether they differ from it."""
    name = output_of("git", "-C", root, "rev-parse", "--short", "HEAD").strip()
    changed = output_of("git", "-C", root, "status", "--porcelain", "--", "Sources", "Package.swift").strip()
    return name + (" with changes" if changed else "")


class Cores:
    """How far apart the server's core and the load's are, as a program tells that measures it.

    Every query and every answer goes from one to the other, which takes several times as long where
    they share no cache. On a machine of its own they stay as they are. The host of a virtual machine
    moves them, some seconds here and some there, and each server pays for where it finds them.
    """

    def __init__(self, program, server, load):
        self._command = [program, str(server), str(load)]
        self._waited = 0
        # Nanoseconds there and back, at the end of each second of load.
        self.ends = []
        self._least = float("inf")
        for _ in range(_LOOKS_AT_FIRST):
            self._look()
            time.sleep(_LOOK_SECONDS)

    def _look(self):
        done = subprocess.run(self._command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              check=True, timeout=30)
        nanos = float(done.stdout)
        self._least = min(self._least, nanos)
        return nanos

    def _is_near(self, nanos):
        return nanos <= _NEAR * self._least

    def wait_until_near(self):
        """Lets a second of load begin when the cores are near each other, if that is soon."""
        until = time.monotonic() + _WAIT_SECONDS_MAX
        while not self._is_near(self._look()):
            if time.monotonic() > until or self._waited > ALL_WAITS_SECONDS_MAX:
                return
            time.sleep(_LOOK_SECONDS)
            self._waited += _LOOK_SECONDS

    def note_end(self):
        """Sees where the cores are at the end of a second of load."""
        self.ends.append(self._look())

    def facts(self):
        """How often they were near each other, and how far apart they were then and else."""
        near = [nanos for nanos in self.ends if self._is_near(nanos)]
        far = [nanos for nanos in self.ends if not self._is_near(nanos)]
        return {
            "ends_nanos": self.ends, "seconds": len(self.ends), "seconds_near": len(near),
            "near_nanos": statistics.median(near) if near else None,
            "far_nanos": statistics.median(far) if far else None,
            "waited_seconds": round(self._waited),
        }
