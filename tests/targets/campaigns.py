"""Fuzzes the good servers of this folder: nothing may be found, and nothing reachable left out.

    campaigns.py FRAMEGATE [PROTOCOL...]

Without protocols those whose systematic tries take seconds; aether takes a minute, z4j two, most of it in waiting.
"""

import pathlib
import subprocess
import sys

from served import Server

HERE = pathlib.Path(__file__).parent
QUICK = ("aius", "goclaw", "polyclaw")
DEADLINE = 600


def campaign(framegate, protocol):
    """True if the campaign came to its end and found nothing; says what it counted, and all of it if it is not so."""
    with Server([sys.executable, str(HERE / f"{protocol}_server.py")], is_quiet=True) as url:
        command = [framegate, "fuzz", protocol, "--server", url, "--reference"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE)
    last = done.stdout.strip().splitlines()[-1] if done.stdout.strip() else done.stderr
    is_well = done.returncode == 0 and " 0 unreachable · 0 missed " in last
    print(f"{'' if is_well else done.stdout + done.stderr}{'ok' if is_well else 'not ok'}: {protocol}: {last}", flush=True)
    return is_well


framegate, *protocols = sys.argv[1:]
sys.exit(0 if all([campaign(framegate, protocol) for protocol in protocols or QUICK]) else 1)
