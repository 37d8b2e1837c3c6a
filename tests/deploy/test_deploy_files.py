"""Containers, Kubernetes and Slurm: what can be proven of their files without any of these."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sysconfig
import time
import tomllib
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from socket import socket
from typing import Any

import pytest
import yaml

from spectune.search.cli import main as cli
from spectune.search.records.study import read

PROGRAMS = Path(sysconfig.get_paths()["scripts"])
PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def compose(checkout: Path) -> dict[str, Any]:
    return dict(yaml.safe_load((checkout / "deploy" / "compose.yaml").read_text("utf-8")))


@pytest.fixture(scope="module")
def dockerfile(checkout: Path) -> list[tuple[str, str]]:
    """Its instructions, in order."""
    text = (checkout / "deploy" / "Dockerfile").read_text("utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]


@pytest.fixture(scope="module")
def kuberay(checkout: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((checkout / "deploy" / "kuberay.yaml").read_text("utf-8")))


def commands(checkout: Path) -> Iterator[tuple[str, list[str]]]:
    """Every search that a file of this folder tells people to type, and the words behind ``search/run.py``."""
    for path in sorted((checkout / "deploy").iterdir()):
        text = path.read_text("utf-8").replace("\\\n", " ")
        for words in re.findall(r"search/run\.py +((?:--[\w-]+(?: \"?[\w./~$][\w./~$-]*\"?)? *)+)", text):
            yield path.name, shlex.split(words)


def test_every_search_that_is_written_down_is_one(checkout: Path) -> None:
    found = list(commands(checkout))
    assert {"README.md", "cluster.yaml", "onprem.yaml", "kuberay.yaml", "slurm.sbatch"} == {name for name, _ in found}
    for _, words in found:
        cli._parser().parse_args(["search", *words])  # ends the process at a word it does not know


def test_an_image_has_all_packages_and_what_they_are_installed_from(
    checkout: Path, dockerfile: list[tuple[str, str]]
) -> None:
    copied = [source for word, rest in dockerfile if word == "COPY" for source in rest.split()[:-1]]
    assert all((checkout / source).exists() for source in copied)
    project = tomllib.loads((checkout / "pyproject.toml").read_text("utf-8"))
    packages = {name.split(".")[1] for name in project["tool"]["setuptools"]["packages"]}
    assert packages | {"pyproject.toml", "constraints.txt", project["project"]["readme"]} <= set(copied)
    installs = [rest for word, rest in dockerfile if word == "RUN" and "pip install" in rest]
    assert all("-c constraints.txt" in install for install in installs)
    [extras] = re.findall(r"-e '\.\[(.+)\]'", " ".join(installs))
    assert set(extras.split(",")) <= set(project["project"]["optional-dependencies"])


def test_an_image_runs_as_a_user_who_is_not_root(dockerfile: list[tuple[str, str]]) -> None:
    starts = [number for number, (word, rest) in enumerate(dockerfile) if word == "FROM" and " AS base" not in rest]
    for start, end in zip(starts, [*starts[1:], len(dockerfile)], strict=True):
        assert [rest for word, rest in dockerfile[start:end] if word == "USER"] == ["ray"]


def test_the_targets_that_are_built_exist(dockerfile: list[tuple[str, str]], compose: dict[str, Any]) -> None:
    targets = {rest.split(" AS ")[1] for word, rest in dockerfile if word == "FROM"}
    assert {compose["services"]["tracking"]["build"]["target"], "search"} <= targets


def test_no_password_has_a_default(checkout: Path) -> None:
    text = (checkout / "deploy" / "compose.yaml").read_text("utf-8")
    secret = set(re.findall(r"\$\{([A-Z_]+)", text)) - {"HOSTS"}
    assert secret == {"DATABASE_PASSWORD", "STORE_PASSWORD", "SECRET_KEY", "ADMIN_PASSWORD"}
    for name in secret:
        assert set(re.findall(rf"\$\{{{name}([^}}]*)\}}", text)) == {":?"}, name
    example = (checkout / "deploy" / "compose.env.example").read_text("utf-8")
    assert {line for line in example.splitlines() if not line.startswith("#")} == {f"{name}=" for name in secret}
    for line in text.splitlines():
        if re.search(r"(?i)password|secret", line) and not line.lstrip().startswith("#"):
            assert "${" in line or "$$PASSWORD" in line, line


def test_only_mlflow_can_be_reached_and_only_from_the_machine_itself(compose: dict[str, Any]) -> None:
    ports = {name: service.get("ports", []) for name, service in compose["services"].items()}
    assert ports.pop("tracking") == ["127.0.0.1:5000:5000"]
    assert not any(ports.values())


@pytest.fixture(scope="module")
def server(compose: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The tracking server as ``compose.yaml`` starts it, but for PostgreSQL and S3."""
    folder = tmp_path_factory.mktemp("server")
    service = compose["services"]["tracking"]
    config = compose["configs"]["auth"]["content"].replace("${ADMIN_PASSWORD:?}", PASSWORD)
    (folder / "auth.ini").write_text(re.sub(r"postgresql://.*", f"sqlite:///{folder}/auth.db", config))
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = list(service["command"])
    words[words.index("--host") + 1] = "127.0.0.1"
    words[words.index("--port") + 1] = str(port)
    words[words.index("--artifacts-destination") + 1] = str(folder / "files")
    environment = os.environ | {
        "MLFLOW_BACKEND_STORE_URI": f"sqlite:///{folder}/runs.db",
        "MLFLOW_AUTH_CONFIG_PATH": str(folder / "auth.ini"),
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "k" * 32,
        "MLFLOW_SERVER_ALLOWED_HOSTS": f"127.0.0.1:{port}",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": service["environment"]["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"],
    }
    assert environment.keys() & service["environment"].keys() >= {
        name for name in service["environment"] if name.startswith("MLFLOW_") and name != "MLFLOW_S3_ENDPOINT_URL"
    }
    with (folder / "log").open("wb") as log:
        running = subprocess.Popen(
            [PROGRAMS / "mlflow", *words], env=environment, cwd=folder, stdout=log, stderr=log, start_new_session=True
        )
    address = f"http://127.0.0.1:{port}"
    try:
        while answer(f"{address}/health") != 200:
            assert running.poll() is None, (folder / "log").read_text()[-3000:]
            time.sleep(0.5)
        yield address
    finally:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()


def answer(url: str, *, user: str = "", host: str = "") -> int:
    """The status of what a server says; 0 where there is none yet."""
    request = urllib.request.Request(url)
    if user:
        request.add_header("Authorization", "Basic " + b64encode(user.encode()).decode())
    if host:
        request.add_header("Host", host)
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    except OSError:
        return 0


def test_the_tracking_server_asks_who_one_is(server: str) -> None:
    runs = f"{server}/api/2.0/mlflow/experiments/get?experiment_id=0"
    assert answer(runs) == 401
    assert answer(runs, user="admin:password1234") == 401  # MLflow's own default
    assert answer(runs, user=f"admin:{PASSWORD}") == 200
    assert answer(runs, user=f"admin:{PASSWORD}", host="evil.example") == 403


def test_kubernetes_pods_share_a_token_and_the_head_keeps_the_studies(kuberay: list[dict[str, Any]]) -> None:
    volume, job = kuberay
    cluster = job["spec"]["rayClusterSpec"]
    assert cluster["authOptions"] == {"mode": "token"}
    head, [workers] = cluster["headGroupSpec"], cluster["workerGroupSpecs"]
    pod = head["template"]["spec"]
    assert pod["volumes"][0]["persistentVolumeClaim"]["claimName"] == volume["metadata"]["name"]
    [container] = pod["containers"]
    assert container["volumeMounts"][0]["name"] == pod["volumes"][0]["name"]
    folder = container["volumeMounts"][0]["mountPath"]
    assert f"cd {folder} && " in job["spec"]["entrypoint"]
    assert "--resume" in job["spec"]["entrypoint"]
    assert workers["minReplicas"] <= workers["replicas"] <= workers["maxReplicas"]
    assert workers["template"]["spec"]["containers"][0]["image"] == container["image"]


def test_kubernetes_runs_the_ray_that_is_tested(checkout: Path, kuberay: list[dict[str, Any]]) -> None:
    [pinned] = re.findall(r"^ray==(\S+)", (checkout / "constraints.txt").read_text("utf-8"), flags=re.MULTILINE)
    assert kuberay[1]["spec"]["rayClusterSpec"]["rayVersion"] == pinned


@pytest.fixture(scope="module")
def slurm(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """(The folder a job was submitted from, what it said): on one node, Slurm's own commands being played."""
    folder = tmp_path_factory.mktemp("slurm")
    bin_ = folder / ".venv" / "bin"
    bin_.mkdir(parents=True)
    (folder / "home").mkdir()
    (folder / "search").symlink_to(checkout / "search")
    play = {
        "python": f'exec {PROGRAMS / "python"} "$@"',
        "ray": f'exec {PROGRAMS / "ray"} "$@"',
        "scontrol": "echo 127.0.0.1",
        "srun": 'ls -l "$RAY_AUTH_TOKEN_PATH"; while [[ $1 == --* ]]; do shift; done; exec "$@"',
    }
    for name, text in play.items():
        (bin_ / name).write_text(f"#!/bin/bash\n{text}\n")
        (bin_ / name).chmod(0o755)
    job = {
        "SLURM_SUBMIT_DIR": str(folder),
        "SLURM_JOB_ID": str(os.getpid()),
        "SLURM_JOB_NUM_NODES": "1",
        "SLURM_JOB_NODELIST": "node[1]",
        "HOME": str(folder / "home"),
    }
    small = "--trials 2 --epochs 2 --seeds 1 --top 1 --baseline none --dataset generated --data classes=3"
    size = "--space mlp --max-macs 100k --data points=100 --data train=10 --data validation=3 --data test=2"
    if subprocess.run(["unshare", "--pid", "--fork", "true"], capture_output=True, check=False).returncode:
        pytest.skip("a node of its own, without the other tests' Rays, can be made by root only")
    node = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child=KILL"]
    done = subprocess.run(
        [*node, "bash", checkout / "deploy" / "slurm.sbatch", *small.split(), *size.split()],
        env=os.environ | job,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-4000:]
    return folder, said


@pytest.mark.cluster
def test_a_slurm_job_searches_under_its_number(slurm: tuple[Path, str]) -> None:
    folder, said = slurm
    assert "Running command on head node" in said
    assert read(folder / "studies" / f"slurm-{os.getpid()}").finished


@pytest.mark.cluster
def test_a_slurm_job_has_a_token_of_its_own_and_leaves_nothing(slurm: tuple[Path, str]) -> None:
    folder, said = slurm
    assert re.search(rf"^-rw------- .* 64 .*/\.ray/job-{os.getpid()}$", said, flags=re.MULTILINE), said[:2000]
    assert list((folder / "home" / ".ray").iterdir()) == []
    assert not Path(f"/tmp/ray-{os.getpid()}").exists()


def test_a_slurm_job_is_told_before_it_ends(checkout: Path) -> None:
    text = (checkout / "deploy" / "slurm.sbatch").read_text("utf-8")
    [seconds] = re.findall(r"^#SBATCH --signal=TERM@(\d+)$", text, flags=re.MULTILINE)
    assert int(seconds) >= 60  # a search ends within 30
    assert "#SBATCH --requeue" in text
