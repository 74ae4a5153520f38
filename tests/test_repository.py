"""What stands around the code: files that other programs read, and that they agree with pyproject.toml."""

import re
import subprocess
import tomllib

import check_jsonschema
import pytest
import yaml
from click.testing import CliRunner
from packaging.requirements import Requirement

from tests.conftest import REPOSITORY

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PYTHONS = [line.split()[-1] for line in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", line)]
WORKFLOWS = {path.stem: path for path in (REPOSITORY / ".github/workflows").iterdir()}
TEMPLATES = REPOSITORY / ".github/ISSUE_TEMPLATE"
SCHEMAS = {
    "citation-file-format": [REPOSITORY / "CITATION.cff"],
    "dependabot": [REPOSITORY / ".github/dependabot.yml"],
    "github-issue-config": [TEMPLATES / "config.yml"],
    "github-issue-forms": sorted(set(TEMPLATES.iterdir()) - {TEMPLATES / "config.yml"}),
    "github-workflows": sorted(WORKFLOWS.values()),
}


def text(name):
    return (REPOSITORY / name).read_text(encoding="utf-8")


def read(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def jobs():
    return [
        pytest.param(job, id=f"{name}-{key}")
        for name, path in WORKFLOWS.items()
        for key, job in read(path)["jobs"].items()
    ]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_files_are_as_their_readers_want_them(schema):
    options = ["--builtin-schema", f"vendor.{schema}", *map(str, SCHEMAS[schema])]
    found = CliRunner().invoke(check_jsonschema.main, options)
    assert found.exit_code == 0, found.output


@pytest.mark.needs("actionlint")
def test_actionlint_finds_nothing():
    found = subprocess.run(["actionlint"], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")


def test_the_version_is_the_same_everywhere():
    citation = yaml.safe_load(text("CITATION.cff"))
    assert citation["version"] == PROJECT["version"]
    assert citation["license"] == PROJECT["license"]
    assert [author["name"] for author in citation["authors"]] == [author["name"] for author in PROJECT["authors"]]
    newest = re.search(r"^## (\S+) - (.+)$", text("CHANGELOG.md"), re.MULTILINE)
    release, _, unfinished = PROJECT["version"].partition(".dev")
    assert newest[1] == release
    assert (newest[2] == "unreleased") == bool(unfinished)
    assert unfinished or re.fullmatch(r"\d{4}-\d\d-\d\d", newest[2])


def test_all_addresses_are_in_one_repository():
    home = PROJECT["urls"]["Homepage"]
    assert all(address.startswith(home) for address in PROJECT["urls"].values())
    for path in ("CITATION.cff", "SECURITY.md", ".github/ISSUE_TEMPLATE/config.yml"):
        addresses = re.findall(r"https://github\.com/[^\s)]+", text(path))
        assert addresses
        assert [address for address in addresses if not address.startswith(home)] == []


def test_the_workflows_run_every_python_that_is_promised():
    matrix = read(WORKFLOWS["check"])["jobs"]["check"]["strategy"]["matrix"]
    assert matrix["python"] == PYTHONS
    assert {one["python"] for one in matrix["include"]} == {PYTHONS[0], PYTHONS[-1]}
    systems = {*matrix["system"], *(one["system"] for one in matrix["include"])}
    promised = [line for line in PROJECT["classifiers"] if line.startswith("Operating System")]
    assert promised == ["Operating System :: MacOS", "Operating System :: POSIX :: Linux"]
    assert systems == {"macos-latest", "ubuntu-latest", "windows-latest"}
    weekly = read(WORKFLOWS["weekly"])["jobs"]["dependencies"]["strategy"]["matrix"]["include"]
    assert {one["name"]: one["python"] for one in weekly}["lowest"] == PYTHONS[0]
    assert PROJECT["requires-python"] == f">={PYTHONS[0]}"
    assert tomllib.loads(text("pyproject.toml"))["tool"]["ruff"]["target-version"] == f"py{PYTHONS[0].replace('.', '')}"


@pytest.mark.parametrize("job", jobs())
def test_a_job_may_little_ends_in_time_and_runs_pinned_actions(job):
    uses = [step["uses"] for step in job.get("steps", []) if "uses" in step]
    assert [one for one in uses if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", one)] == []
    assert "timeout-minutes" in job or "uses" in job
    checkouts = [step for step in job.get("steps", []) if step.get("uses", "").startswith("actions/checkout@")]
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)
    written = {scope for scope, right in job.get("permissions", {}).items() if right == "write"}
    assert written <= {"attestations", "id-token"}


@pytest.mark.parametrize("workflow", WORKFLOWS.values(), ids=WORKFLOWS)
def test_a_workflow_has_few_permissions_and_its_actions_tell_their_version(workflow):
    assert read(workflow)["permissions"] in ({}, {"contents": "read"})
    pinned = re.findall(r"uses: \S+@\S+(.*)$", workflow.read_text(encoding="utf-8"), re.MULTILINE)
    assert [comment for comment in pinned if not re.fullmatch(r" # v\d+\.\d+\.\d+", comment)] == []


def test_the_package_index_trusts_one_job_in_one_environment():
    trusted = [job for path in WORKFLOWS.values() for job in read(path)["jobs"].values() if "environment" in job]
    assert [job["environment"]["name"] for job in trusted] == ["pypi"]
    assert trusted[0]["permissions"] == {"id-token": "write"}


def test_every_extra_that_is_installed_is_there():
    extras = PROJECT["optional-dependencies"]
    places = ["README.md", "CONTRIBUTING.md", "Dockerfile", *WORKFLOWS.values()]  # a whole path, joined, stays itself
    found = [found for place in places for found in re.findall(r"\.\[([\w,]+)\]", text(place))]
    named = {extra for one in found for extra in one.split(",")}
    assert named <= set(extras)
    assert set(extras) - {"docs"} <= named  # which the test extra holds
    (held,) = (Requirement(one).extras for one in extras["test"] if one.startswith("xaisigns["))
    assert held == set(extras) - {"test"}


def test_there_is_one_check():
    marked = text("README.md").split("<!-- check -->\n```bash\n")[1].splitlines()[0]
    check = re.search(r"ruff check .*", marked)[0]
    for place in ("CONTRIBUTING.md", ".github/pull_request_template.md", ".github/workflows/check.yml"):
        assert check in text(place)


def test_pre_commit_runs_a_ruff_that_the_project_allows():
    (wanted,) = (Requirement(one) for one in PROJECT["optional-dependencies"]["test"] if one.startswith("ruff"))
    (hooks,) = read(REPOSITORY / ".pre-commit-config.yaml")["repos"]
    assert hooks["repo"].endswith("/ruff-pre-commit")
    assert hooks["rev"].removeprefix("v") in wanted.specifier
    assert [hook["id"] for hook in hooks["hooks"]] == ["ruff-check", "ruff-format"]
