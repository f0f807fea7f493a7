"""Tries out what a release and the GitHub action are made of, with faked surroundings.

    check.py FRAMEGATE
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from ruamel.yaml import YAML

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(sys.argv[1]).resolve()
ACTION = YAML(typ="safe").load((ROOT / "action.yml").read_text())
INSTALL, RUN = (step["run"] for step in ACTION["runs"]["steps"])
TARGET = "x86_64-unknown-linux-musl"
BASE = {"HOME": os.environ["HOME"], "GITHUB_ACTION_PATH": str(ROOT), "GITHUB_RUN_ID": "1", "NO_COLOR": "1"}


def check(holds, sentence, more=""):
    if not holds:
        sys.exit(f"not ok: {sentence}\n{more}")
    print(f"ok: {sentence}")


def script(text, folder, path, **variables):
    """Runs a script of the action as a runner does: exit code, what it printed, and the outputs, path and summary that it wrote."""
    files = {name: folder / name for name in ("GITHUB_OUTPUT", "GITHUB_PATH", "GITHUB_STEP_SUMMARY")}
    for file in files.values():
        file.write_text("")
    environment = BASE | variables | {name: str(file) for name, file in files.items()} | {"PATH": path, "RUNNER_TEMP": str(folder)}
    done = subprocess.run(["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", text], env=environment, cwd=folder, capture_output=True, text=True, timeout=300)
    outputs = dict(line.split("=", 1) for line in files["GITHUB_OUTPUT"].read_text().splitlines())
    return done, outputs, files["GITHUB_PATH"].read_text().strip(), files["GITHUB_STEP_SUMMARY"].read_text()


def run(folder, **inputs):
    path = f"{PROGRAM.parent}:{os.environ['PATH']}"
    inputs = {name: "" for name in ("TARGET", "PROTOCOL", "SERVER", "CLIENT", "BASELINE", "ARGUMENTS")} | inputs
    return script(RUN, folder, path, **inputs)


def try_run(folder):
    done, outputs, _, summary = run(folder, PROTOCOL="goclaw")
    check(done.returncode == 0 and int(outputs["passed"]) > 100 and outputs["failed"] == "0", "a run that passes gives its counts", done.stderr)
    check(set(outputs) == set(ACTION["outputs"]), "every declared output is written", str(outputs))
    report = pathlib.Path(outputs["report"])
    beside = {file.name for file in report.parent.iterdir()}
    check({"report.html", "report.json", "report.xml"} <= beside and "passed" in summary, "reports and summary are written", str(beside))

    done, outputs, _, summary = run(folder, PROTOCOL="goclaw", ARGUMENTS="--fault\nerror-is-text\n--only\ngoclaw/server/connect*")
    check(done.returncode == 1 and outputs["exit-code"] == "1" and int(outputs["failed"]) > 0, "a run that fails fails the step", done.stderr)
    check("::error file=" in done.stdout, "a failure is annotated", done.stdout)

    shutil.rmtree(report.parent)
    done, outputs, _, summary = run(folder, PROTOCOL="goclaw", SERVER="ws://127.0.0.1:1")
    check(done.returncode == 3 and outputs["passed"] == "0" and outputs["report"] == "", "a server that is not there is no report", str(outputs))
    check("could not test goclaw" in summary, "and the summary says so", summary)

    done, *_ = run(folder, PROTOCOL="goclaw", BASELINE='x"; touch pwned; "', CLIENT="", TARGET="$(touch pwned)")
    check(done.returncode == 2 and not (folder / "pwned").exists(), "an input is never read as a command", done.stderr)


def pack(folder):
    """Packs the program as the release workflow does."""
    built = ROOT / "target" / TARGET / "release"
    built.mkdir(parents=True, exist_ok=True)
    shutil.copy(PROGRAM, built / "framegate")
    subprocess.run([ROOT / ".github/pack", TARGET], check=True, stdout=subprocess.DEVNULL)
    name = f"framegate-{TARGET}.tar.gz"
    for file in (name, f"{name}.sha256"):
        shutil.move(ROOT / "dist" / file, folder / file)
    shutil.rmtree(built.parent)
    listed = subprocess.run(["tar", "--list", "--file", folder / name], check=True, capture_output=True, text=True).stdout.splitlines()
    wanted = ["framegate", "LICENSE-MIT", "LICENSE-APACHE", "man/framegate-run.1", "completions/framegate.bash"]
    check({f"framegate-{TARGET}/{file}" for file in wanted} <= set(listed), "a release holds program, licences, manual and completions", "\n".join(listed))
    return name, listed


def try_install(folder, name):
    """The step that installs, with a curl that knows one release."""
    tools = folder / "tools"
    tools.mkdir()
    (tools / "curl").write_text(f'#!/bin/sh\nfor word; do url=$word; done\necho "$url" >>{folder}/asked\ncp "{folder}/${{url##*/}}" .\n')
    (tools / "cargo").write_text(f'#!/bin/sh\necho "$*" >{folder}/built\n')
    for tool in tools.iterdir():
        tool.chmod(0o755)
    path = f"{tools}:/usr/bin:/bin"
    release = {"RUNNER_OS": "Linux", "RUNNER_ARCH": "X64", "GITHUB_ACTION_REPOSITORY": "owner/framegate", "GITHUB_ACTION_REF": "v0.1.0"}

    done, _, added, _ = script(INSTALL, folder, path, **release)
    said = subprocess.run([f"{added}/framegate", "--version"], capture_output=True, text=True)
    check(done.returncode == 0 and said.stdout.startswith("framegate "), "the program of a release is taken", done.stderr)
    asked = (folder / "asked").read_text().split()
    check(asked[0] == f"https://github.com/owner/framegate/releases/download/v0.1.0/{name}", "from where the release is", str(asked))

    script(INSTALL, folder, path, **release | {"GITHUB_ACTION_REF": "main"})
    check("install --locked --path" in (folder / "built").read_text(), "a branch is built")

    with open(folder / name, "ab") as file:
        file.write(b"more")
    done, _, added, _ = script(INSTALL, folder, path, **release)
    check(done.returncode != 0 and not added, "a file that is not what its checksum says is not taken")


def try_binstall(name, listed):
    """What Cargo.toml tells binstall names what is packed, for every target of the workflow."""
    metadata = subprocess.run(["cargo", "metadata", "--no-deps", "--format-version", "1"], cwd=ROOT, check=True, capture_output=True, text=True)
    package = next(package for package in json.loads(metadata.stdout)["packages"] if package["name"] == "framegate")
    told = package["metadata"]["binstall"]

    def filled(text, target, suffix):
        values = {"repo": package["repository"], "version": package["version"], "target": target, "archive-suffix": suffix, "bin": "framegate", "binary-ext": ""}
        for key, value in values.items():
            text = text.replace(f"{{ {key} }}", value)
        return text

    url = filled(told["pkg-url"], TARGET, ".tar.gz")
    check(url.endswith(f"/releases/download/v{package['version']}/{name}"), "binstall finds the archive", url)
    check(filled(told["bin-dir"], TARGET, "") in listed, "and the program in it", told["bin-dir"])
    workflow = YAML(typ="safe").load((ROOT / ".github/workflows/release.yml").read_text())
    targets = [entry["target"] for entry in workflow["jobs"]["build"]["strategy"]["matrix"]["include"]]
    windows = [target for target in targets if "windows" in target]
    check(set(windows) == set(told["overrides"]) and TARGET in targets, "and a zip for Windows", str(targets))


with tempfile.TemporaryDirectory() as place:
    folder = pathlib.Path(place)
    try_run(folder)
    name, listed = pack(folder)
    try_install(folder, name)
    try_binstall(name, listed)
