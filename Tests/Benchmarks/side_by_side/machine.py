"""What a benchmark needs of the machine: its packages, and what it is."""

import os
import platform
import re
import shutil
import subprocess
import sys


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
