"""The manifests of deploy/ do what they say: they fit the schemas of Kubernetes and GitHub, and the commands of the pods, with the index that a
pod would have, make a campaign that is the same as one that was never split.

Usage: check.py FRAMEGATE
"""

import os
import pathlib
import subprocess
import sys
import tempfile

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
KUBERNETES = ROOT / "deploy/kubernetes"
PARTS = 3
CAMPAIGN = ["--side", "server", "--cases", "240"]


def call(*command, expected=(0,), **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, **options)
    assert done.returncode in expected, f"{command[:6]}: exit code {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout


def check_schemas():
    tools = pathlib.Path(sys.executable).parent
    for manifest in sorted(KUBERNETES.glob("*.yaml")):
        call(tools / "kubernetes-validate", "--strict", "--quiet", manifest)
    # A field that does not exist must not pass, or the check checks nothing.
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as wrong:
        wrong.write((KUBERNETES / "campaign.yaml").read_text().replace("completionMode: Indexed", "completionModus: Indexed"))
        wrong.flush()
        call(tools / "kubernetes-validate", "--strict", "--quiet", wrong.name, expected=(1, 2))
    workflows = [ROOT / "deploy/github/fuzz.yml", *sorted((ROOT / ".github/workflows").glob("*.yml"))]
    call(tools / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", *workflows)


def container(name):
    job = yaml.safe_load((KUBERNETES / name).read_text())
    return job["spec"], job["spec"]["template"]["spec"]["containers"][0]


def play(spec, environment):
    """The command of a pod, without the pod."""
    values = {entry["name"]: entry["value"] for entry in spec["env"]}
    return call(*spec["command"], *spec["args"], env={**os.environ, **values, **environment}, expected=(0, 1))


def check_pods(framegate, folder):
    job, part = container("campaign.yaml")
    declared = {entry["name"]: entry["value"] for entry in part["env"]}
    assert job["completionMode"] == "Indexed" and str(job["completions"]) == declared["PARTS"], "every part has a pod, and every pod a part"
    path = {"PATH": f"{framegate.parent}:{os.environ['PATH']}", "CAMPAIGN": str(folder)}
    for index in range(PARTS):
        own = {"JOB_COMPLETION_INDEX": str(index), "PARTS": str(PARTS), "TARGET": "", "BUDGET": " ".join(CAMPAIGN)}
        play(part, {**path, **own})
    _, merge = container("merge.yaml")
    play(merge, path)
    single = folder / "single"
    call(framegate, "fuzz", declared["PROTOCOL"], *CAMPAIGN, "--seed", declared["SEED"], "--resume", single)
    same(folder / "whole", single)
    assert "<svg" in (folder / "whole/report.html").read_text()


def same(one, other):
    texts = [(folder / "summary.json").read_text() for folder in (one, other)]
    assert texts[0] == texts[1], f"{one} and {other} are not the same campaign"


def main():
    framegate = pathlib.Path(sys.argv[1]).resolve()
    check_schemas()
    with tempfile.TemporaryDirectory() as folder:
        check_pods(framegate, pathlib.Path(folder))
    print(f"deploy: the manifests fit their schemas, and {PARTS} pods make one campaign")


if __name__ == "__main__":
    main()
