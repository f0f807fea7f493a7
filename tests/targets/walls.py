"""How long a live run takes beside its critical path.

    walls.py FRAMEGATE SCALE
"""

import json
import pathlib
import subprocess
import sys

from served import Server

HERE = pathlib.Path(__file__).parent
FRAMEGATE, SCALE = sys.argv[1:]
TARGET = next(target for target in json.loads((HERE / "targets.json").read_text()) if target["program"] == "goclaw_server.py")
UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}
FAR = 1.3
TRIES = 3


def seconds(words):
    """`1 min 40.5 s` in seconds."""
    parts = words.split()
    return sum(float(number) * UNITS[unit] for number, unit in zip(parts[::2], parts[1::2]))


def figure(lines, name):
    """The figure of a line of `--stats`, without the sentence behind it."""
    line = next(line for line in lines if line.startswith(name))
    return seconds(line.removeprefix(name).split("  ")[-2].strip())


def measure(more):
    """One run against a server of its own."""
    with Server([sys.executable, str(HERE / "goclaw_server.py"), "--time-scale", SCALE]) as url:
        command = [FRAMEGATE, "run", "goclaw", "--server", url, "--time-scale", SCALE, "--stats", *TARGET["flags"], *more]
        return subprocess.run(command, capture_output=True, text=True, timeout=900)


def ratio(name, wanted, more):
    """Measures until it is not far off: other programs on the machine only ever slow a run down."""
    for _ in range(TRIES):
        done = measure(more)
        lines = done.stdout.splitlines()
        wall, total, path = figure(lines, "wall time"), figure(lines, "sum"), figure(lines, "critical path")
        print(next(line for line in lines if " selected · " in line))
        print(f"{name}: wall {wall:.2f} s, sum {total:.1f} s, critical path {path:.2f} s: ratio {wall / path:.3f} (wanted: at most {wanted})")
        if done.returncode in (0, 1) and wall / path <= FAR:
            return
    sys.exit(f"not ok: {name}, exit code {done.returncode}\n{done.stdout}\n{done.stderr}")


ratio("keepalive", 1.05, [f"--only=goclaw/server/deadline{more}" for more in ("", "-early", "-idle")])
ratio("whole suite", 1.1, [])
