"""Lets the reference peers of framegate talk to the peers of this folder, and has framegate judge what both sides said.

    meet.py FRAMEGATE [--keep FOLDER] [PROTOCOL...]

No script steers these conversations: `framegate peer` is one side, a program of this folder the other, and both hear their
words on their standard input. `meetings.json` says which words, and how many requirements must be put to the test and hold. With `--keep` the conversations are kept as
FOLDER/<protocol>/<side of the foreign peer>.jsonl.
"""

import argparse
import concurrent.futures
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

from served import end

HERE = pathlib.Path(__file__).parent
# A conversation has come to rest when nothing was said for this long, seconds.
REST = 0.7
# The longest wait for something to be said at all, seconds.
PATIENCE = 30


def start(command):
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def rest(record, said):
    """Waits until more than `said` bytes are written down and nothing is added to them; how many there are."""
    begun = time.monotonic()
    while True:
        before = record.stat().st_size if record.exists() else 0
        time.sleep(REST)
        now = record.stat().st_size if record.exists() else 0
        if now == before > said or time.monotonic() - begun > PATIENCE:
            return now


def say(process, words, record):
    said = rest(record, 0)
    for word in words:
        if process.poll() is not None:
            return
        process.stdin.write(word + "\n")
        process.stdin.flush()
        said = rest(record, said)


def judge(record, protocol, side):
    """How many requirements held, and which did not."""
    command = [OPTIONS.framegate, "replay", str(record), "--protocol", protocol, "--side", side, "--report", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if not done.stdout.startswith("{"):
        return 0, [done.stderr]
    requirements = json.loads(done.stdout)["requirements"]
    held = sum(requirement["outcome"] == "satisfied" for requirement in requirements)
    return held, [requirement["id"] for requirement in requirements if requirement["outcome"] == "violated"]


def meet(meeting):
    protocol, client = meeting["protocol"], meeting["client"]
    with tempfile.TemporaryDirectory() as folder:
        record = pathlib.Path(folder) / "said.jsonl"
        foreign = [sys.executable, str(HERE / f"{protocol}_{'client' if client == 'foreign' else 'server'}.py"), *meeting.get("flags", [])]
        ours = [OPTIONS.framegate, "peer", protocol, "server" if client == "foreign" else "client", "--record", str(record)]
        server = start(ours if client == "foreign" else foreign)
        url = server.stdout.readline().strip().split()[-1]
        caller = start([*foreign, url] if client == "foreign" else [*ours, "--connect", url])
        say(caller, meeting["words"], record)
        end(caller)
        end(server)
        tested = "client" if client == "foreign" else "server"
        held, broken = judge(record, protocol, tested)
        own_held, own_broken = judge(record, protocol, "server" if tested == "client" else "client")
        if OPTIONS.keep:
            kept = OPTIONS.keep / protocol / f"{tested}.jsonl"
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(record, kept)
    name = f"{protocol}: the reference {'server' if tested == 'client' else 'client'} and {pathlib.Path(foreign[1]).name}"
    good = not broken and not own_broken and held >= meeting["held"]
    what = f"{held} requirements of the {tested} held, {own_held} of the reference peer"
    wrong = "".join(f"; broken: {requirement}" for requirement in broken + own_broken)
    return good, f"{'ok' if good else 'not ok'}: {name}: {what}{wrong}"


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("framegate")
    parser.add_argument("protocols", nargs="*")
    parser.add_argument("--keep", type=pathlib.Path)
    return parser.parse_args()


def main():
    names = OPTIONS.protocols
    meetings = [meeting for meeting in json.loads((HERE / "meetings.json").read_text()) if not names or meeting["protocol"] in names]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(meet, meetings))
    for _, line in outcomes:
        print(line)
    failed = sum(not good for good, _ in outcomes)
    print(f"{len(outcomes) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


OPTIONS = options()
main()
