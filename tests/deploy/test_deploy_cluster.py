"""The cluster file against Ray's own schema and code, and its commands against the programs they call."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import jsonschema
import pytest
import yaml

PROGRAMS = Path(sys.executable).parent


@pytest.fixture(scope="module")
def text(checkout: Path) -> str:
    return (checkout / "deploy" / "cluster.yaml").read_text("utf-8")


@pytest.fixture(scope="module")
def cluster(text: str) -> dict[str, Any]:
    return dict(yaml.safe_load(text))


@pytest.fixture(scope="module")
def commands(cluster: dict[str, Any]) -> list[str]:
    return [command for key, value in cluster.items() if key.endswith("_commands") for command in value]


@pytest.fixture
def home(tmp_path: Path, checkout: Path) -> Path:
    """The home of a new node as the file mounts leave it."""
    (tmp_path / ".bashrc").write_text("# the node's own\n")
    (tmp_path / ".profile").write_text(". ~/.bashrc\n")
    (tmp_path / ".ray").mkdir()
    (tmp_path / ".ray" / "auth_token").write_text("0" * 64)
    (tmp_path / ".ray" / "auth_token").chmod(0o644)
    (tmp_path / "project").symlink_to(checkout)
    return tmp_path


def shell(command: str, home: Path) -> str:
    """Run a command as Ray does on a node: in an interactive login shell."""
    environment = {"HOME": str(home), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        ["bash", "--login", "-i", "-c", command],
        env=environment,
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def flags(commands: list[str], program: str) -> Iterator[str]:
    for command in commands:
        for call in re.findall(rf"{program} ([^;&|>)]*)", command):
            yield from re.findall(r"(?<=\s)--[\w-]+", f" {call}")


def test_it_fits_the_schema_of_ray(cluster: dict[str, Any]) -> None:
    import ray

    schema = json.loads((Path(ray.__file__).parent / "autoscaler" / "ray-schema.json").read_text("utf-8"))
    jsonschema.validate(cluster, schema)


def test_ray_completes_it_with_its_defaults_and_accepts_it(cluster: dict[str, Any]) -> None:
    from ray.autoscaler._private.util import prepare_config, validate_config

    prepared = prepare_config(json.loads(json.dumps(cluster)))
    validate_config(prepared)
    assert prepared["available_node_types"]["head"]["max_workers"] == 0
    assert prepared["docker"] == {}


def test_the_head_has_no_gpu_and_workers_are_there_when_a_search_starts(cluster: dict[str, Any]) -> None:
    """A search counts the GPUs when it starts; trials on the head would hold up the driver."""
    types = cluster["available_node_types"]
    assert types["head"]["resources"] == {"CPU": 0}
    assert 1 <= types["gpu"]["min_workers"] <= types["gpu"]["max_workers"] <= cluster["max_workers"]
    assert types["gpu"]["node_config"]["ImageId"] == types["head"]["node_config"]["ImageId"]


def test_the_cluster_grows_by_spot_workers_and_by_others_where_there_are_none(cluster: dict[str, Any]) -> None:
    """By Ray's own choice of what to launch for three trials that wait for a GPU, one having been there."""
    from ray.autoscaler._private.util import prepare_config
    from ray.autoscaler.v2.event_logger import AutoscalerEventLogger
    from ray.autoscaler.v2.instance_manager.config import AutoscalingConfig
    from ray.autoscaler.v2.scheduler import ResourceDemandScheduler, SchedulingRequest
    from ray.autoscaler.v2.utils import ResourceRequestUtil

    types = {name: {**one, "resources": {"CPU": 4, "GPU": 1}} for name, one in cluster["available_node_types"].items()}
    types["head"]["resources"] = {"CPU": 0}
    mounts: dict[str, str] = {}  # Ray reads every file of them, and this machine may have no ~/.ray
    config = AutoscalingConfig(prepare_config({**cluster, "available_node_types": types, "file_mounts": mounts}))
    waiting = ResourceRequestUtil.group_by_count([ResourceRequestUtil.make({"CPU": 1, "GPU": 1})] * 3)

    def launched(**availability: float) -> dict[str, int]:
        request = SchedulingRequest(
            node_type_configs=config.get_node_type_configs(),
            max_num_nodes=5,
            disable_launch_config_check=True,
            resource_requests=waiting,
            recoverable_resource_availabilities={name.replace("_", "-"): much for name, much in availability.items()},
        )
        found = ResourceDemandScheduler(create_autospec(AutoscalerEventLogger)).schedule(request)
        return {one.instance_type: one.count for one in found.to_launch}

    assert launched() == {"gpu": 1, "gpu-spot": 2}
    assert launched(gpu_spot=0.0) == {"gpu": 3}
    spot, other = types["gpu-spot"]["node_config"], types["gpu"]["node_config"]
    assert spot == {**other, "InstanceMarketOptions": {"MarketType": "spot"}}


def test_every_command_is_valid_shell(commands: list[str]) -> None:
    for command in commands:
        done = subprocess.run(["bash", "-n", "-c", command], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}: {done.stderr}"


def test_what_is_mounted_and_installed_is_in_the_checkout(
    checkout: Path, cluster: dict[str, Any], commands: list[str]
) -> None:
    for local in cluster["file_mounts"].values():
        assert local.startswith("~") or (checkout / local).exists(), local
    assert cluster["file_mounts"]["~/project"] == "."
    [install] = [command for command in commands if "pip install" in command]
    assert install.startswith("cd ~/project && ")
    assert (checkout / re.findall(r"-c (\S+)", install)[0]).is_file()
    known = tomllib.loads((checkout / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    assert set(re.findall(r"\.\[(.+)\]", install)[0].split(",")) <= set(known)


def test_environments_and_studies_stay_at_home(checkout: Path, cluster: dict[str, Any]) -> None:
    """rsync leaves out what git ignores, as the .gitignore at the root says, and git's own folder."""
    assert cluster["rsync_filter"] == [".gitignore"]
    assert ".git" in cluster["rsync_exclude"]
    ignored = (checkout / ".gitignore").read_text("utf-8").splitlines()
    assert {"/.venv/", "/.types/", "/studies/", "/mlflow.db*", "__pycache__/"} <= set(ignored)


@pytest.mark.parametrize("program", ["mlflow server", "ray start"])
def test_every_flag_exists(commands: list[str], program: str) -> None:
    name, *arguments = program.split()
    page = subprocess.run(
        [PROGRAMS / name, *arguments, "--help"], capture_output=True, text=True, check=True, env={"COLUMNS": "200"}
    ).stdout
    used = set(flags(commands, program))
    assert used
    assert used <= set(re.findall(r"--[\w-]+", page))


def test_the_commands_that_the_comments_give_exist(checkout: Path, text: str) -> None:
    page = subprocess.run([PROGRAMS / "ray", "--help"], capture_output=True, text=True, check=True).stdout
    named = set(re.findall(r"^#   ray ([\w-]+)", text, flags=re.MULTILINE))
    assert {"up", "submit", "down"} <= named <= set(re.findall(r"^  ([\w-]+)", page, flags=re.MULTILINE))
    for path in re.findall(r"(?:deploy|search)/\w+\.\w+", text):
        assert (checkout / path).is_file(), path


def test_nothing_answers_strangers(commands: list[str], text: str) -> None:
    assert "0.0.0.0" not in text
    hosts = [host for command in commands for host in re.findall(r"--(?:dashboard-)?host[= ](\S+)", command)]
    assert hosts == ["127.0.0.1", "127.0.0.1"]


def test_a_search_on_the_head_finds_ray_mlflow_and_python(cluster: dict[str, Any], home: Path) -> None:
    """After the setup commands that write to the home, run twice as a second ``ray up`` does."""
    profile = [
        command for command in cluster["setup_commands"] + cluster["head_setup_commands"] if "~/.bashrc" in command
    ]
    assert len(profile) == 2
    for command in profile * 2:
        shell(command, home)
    found = dict(line.split("=", 1) for line in shell("env", home).splitlines() if "=" in line)
    assert found["RAY_ADDRESS"] == "auto"
    assert found["RAY_AUTH_MODE"] == "token"
    assert found["PATH"].startswith(f"{home}/venv/bin:")
    [server] = [command for command in cluster["head_start_ray_commands"] if "mlflow server" in command]
    [port] = re.findall(r"--port (\d+)", server)
    assert found["MLFLOW_TRACKING_URI"] == f"http://127.0.0.1:{port}"
    assert (home / ".bashrc").read_text().count("export") == len(profile)


def test_the_token_reaches_every_node_and_only_its_owner_reads_it(cluster: dict[str, Any], home: Path) -> None:
    """Ray writes it readable for all, and nodes without it cannot join a head that has it."""
    assert cluster["file_mounts"]["~/.ray"] == "~/.ray"
    [protect] = [command for command in cluster["setup_commands"] if "auth_token" in command]
    shell(protect, home)
    assert (home / ".ray" / "auth_token").stat().st_mode & 0o777 == 0o600
