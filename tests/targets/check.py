"""Runs framegate against the peers of this folder: it must be content with the good ones and find what each wrong one breaks.

    check.py FRAMEGATE [NAME...]

NAME selects programs (goclaw_server.py ...). `targets.json` says how each is run and which requirement each wrong mode breaks.
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).parent
FRAMEGATE = sys.argv[1]
DEADLINE = 600


class Server:
    """A server on a free port, for as long as the block lasts."""

    def __init__(self, command):
        self.command = command

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True)
        return self.process.stdout.readline().strip().split()[-1]

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def framegate(target, where, flags):
    """The exit code and the report of one run."""
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "report.json"
        command = [FRAMEGATE, "run", target["protocol"], *where, "--time-scale", str(target["scale"]), *target["flags"], *flags, "--report", "console", "--report", f"json={report}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE)
        if not report.exists():
            sys.exit(f"{' '.join(command)}\nexit {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done, json.loads(report.read_text())


def play(target, mode, flags):
    """One run against the good program, or against it with a wrong mode."""
    program = [sys.executable, str(HERE / target["program"]), "--time-scale", str(target["scale"])]
    program += ["--wrong", mode] if mode else []
    if target["side"] == "server":
        with Server(program) as url:
            return framegate(target, ["--server", url], flags)
    words = " ".join(f"'{word}'" for word in program)
    return framegate(target, ["--client", f"exec {words} {{url}}"], flags)


def complain(done, sentence):
    print(done.stdout[-20000:], done.stderr[-2000:], sep="\n")
    print(f"not ok: {sentence}")
    return 1


def check_good(target):
    begun = time.monotonic()
    done, report = play(target, None, [])
    counts = report["counts"]
    line = f"{target['program']}: {counts['passed']} passed, {counts['warned']} warned, {counts['failed']} failed, {counts['inconclusive']} inconclusive, {counts['skipped']} skipped in {time.monotonic() - begun:.0f} s"
    if counts["failed"] or counts["errors"] or counts["passed"] < 0.9 * counts["run"]:
        return complain(done, line)
    print(f"ok: {line}")
    return 0


def check_wrong(target, mode, requirement):
    done, report = play(target, mode, ["--requirement", requirement])
    broken = [found["id"] for found in report["requirements"] if found["outcome"] == "violated"]
    if requirement not in broken:
        return complain(done, f"{target['program']} --wrong {mode}: {requirement} not found broken, but {broken}")
    print(f"ok: {target['program']} --wrong {mode}: {requirement}")
    return 0


def main():
    names = sys.argv[2:]
    targets = [target for target in json.loads((HERE / "targets.json").read_text()) if not names or target["program"] in names]
    failed, total = 0, 0
    for target in targets:
        failed += check_good(target)
        total += 1
        for mode, requirement in target["wrong"].items():
            failed += check_wrong(target, mode, requirement)
            total += 1
    print(f"{total - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


main()
