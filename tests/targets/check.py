"""Runs framegate against the peers of this folder: it must be content with the good ones and find what each wrong one breaks.

    check.py [--jobs N] FRAMEGATE [NAME...]

NAME selects programs (goclaw_server.py ...). `targets.json` says how each is run and which requirement each wrong mode breaks. The runs go
side by side, since most of their time is waiting; those of the good programs, which take longest, go first. Their `patience` is for what the
machine takes and no page tells: `--time-scale` shortens it too, but a busy machine is not faster.
"""

import argparse
import concurrent.futures
import json
import pathlib
import subprocess
import sys
import tempfile
import time

from served import Server

HERE = pathlib.Path(__file__).parent
DEADLINE = 600
JOBS = 6


class Run:
    """One run against a program, and whether it came out as it must."""

    def __init__(self, framegate, target, mode=None):
        self.framegate, self.target, self.mode = framegate, target, mode
        self.scale = str(target["scale"])

    def check(self):
        """True if all is well; says so, or why not."""
        begun = time.monotonic()
        try:
            done, report = self.play(self.selection())
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            print(f"{error}\nnot ok: {self.name()}", flush=True)
            return False
        is_well, sentence = self.judge_wrong(report) if self.mode else self.judge_good(report)
        words = "" if is_well else f"{done.stdout[-20000:]}\n{done.stderr[-2000:]}\n"
        print(f"{words}{'ok' if is_well else 'not ok'}: {self.name()}: {sentence} in {time.monotonic() - begun:.0f} s", flush=True)
        return is_well

    def broken(self):
        """The requirement that the wrong mode breaks, and the cases that show it where no case names the requirement."""
        entry = self.target["wrong"][self.mode]
        return (entry, None) if isinstance(entry, str) else (entry["requirement"], entry["only"])

    def selection(self):
        if not self.mode:
            return [word for window in self.target["patience"] for word in ("--set", f"parameter.{window}")]
        requirement, only = self.broken()
        return ["--only", only] if only else ["--requirement", requirement]

    def name(self):
        return self.target["program"] + (f" --wrong {self.mode}" if self.mode else "")

    def judge_good(self, report):
        counts = report["counts"]
        is_clean = not any(counts[verdict] for verdict in ("failed", "inconclusive", "errors", "warned"))
        words = ("passed", "warned", "failed", "inconclusive", "skipped")
        return is_clean and counts["passed"] > 0, ", ".join(f"{counts[word]} {word}" for word in words)

    def judge_wrong(self, report):
        requirement, _ = self.broken()
        broken = [found["id"] for found in report["requirements"] if found["outcome"] == "violated"]
        if requirement in broken:
            return True, requirement
        return False, f"{requirement} is not found broken, but {broken}"

    def play(self, flags):
        program = [sys.executable, str(HERE / self.target["program"]), "--time-scale", self.scale]
        program += ["--wrong", self.mode] if self.mode else []
        if self.target["side"] == "server":
            with Server(program) as url:
                return self.run(["--server", url, *flags])
        words = " ".join(f"'{word}'" for word in program)
        return self.run(["--client", f"exec {words} {{url}}", *flags])

    def run(self, flags):
        """What framegate said, and its report."""
        with tempfile.TemporaryDirectory() as folder:
            report = pathlib.Path(folder) / "report.json"
            command = [self.framegate, "run", self.target["protocol"], "--time-scale", self.scale, *self.target["flags"], *flags]
            command += ["--report", "console", "--report", f"json={report}"]
            done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE)
            if not report.exists():
                raise RuntimeError(f"{' '.join(command)}\nexit {done.returncode}\n{done.stdout}\n{done.stderr}")
            return done, json.loads(report.read_text())


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("framegate")
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--jobs", type=int, default=JOBS, help="runs at a time")
    return parser.parse_args()


def main():
    options = arguments()
    targets = [target for target in json.loads((HERE / "targets.json").read_text()) if not options.names or target["program"] in options.names]
    good = [Run(options.framegate, target) for target in targets]
    wrong = [Run(options.framegate, target, mode) for target in targets for mode in target["wrong"]]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        outcomes = list(pool.map(Run.check, good + wrong))
    # What a busy machine left undecided is asked once more with the machine to itself. A good program gets no second chance.
    for index, run in enumerate(wrong, len(good)):
        outcomes[index] = outcomes[index] or run.check()
    print(f"{sum(outcomes)} passed, {len(outcomes) - sum(outcomes)} failed")
    sys.exit(0 if all(outcomes) else 1)


main()
