"""Three machines with a sshd each on this one: ``ray up``, ``ray submit``, one lost and back, ``ray down``."""

from __future__ import annotations

import hashlib
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from mlflow import MlflowClient

from spectune.search.records.study import Study, read
from spectune.trainables.seal import verify

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

SCRIPT = Path(__file__).with_name("hosts.sh")
NEEDED = {  # programs, by the Debian package that has them
    "openssh-server": ("sshd",),
    "openssh-client": ("ssh", "ssh-keygen"),
    "rsync": ("rsync",),
    "iproute2": ("ip",),
    "util-linux": ("nsenter", "unshare"),
    "curl": ("curl",),
}
ADDRESSES = {"head": "10.77.0.11", "first": "10.77.0.12", "second": "10.77.0.13"}
PATIENCE = 600.0
SEARCH = (
    "--space cnn --name far --trials 9 --epochs 9 --top 1 --seeds 2 --baseline none --max-macs 2M --concurrent 3 "
    "--cpus-per-trial 2 --dataset generated --data classes=6 --data points=300 --data train=200"
)


def until(true: Callable[[], object], what: str) -> None:
    """Wait for something that has to come."""
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.5)


class Hosts:
    """A network of machines, and a client in it that gives the commands. All of it ends with one process."""

    def __init__(self, folder: Path, checkout: Path) -> None:
        self.folder, self.checkout, self.home = folder, checkout, folder / "home"
        self._begun: list[subprocess.Popen[bytes]] = []
        for name in ("key", "hostkey"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
        self._skeleton()
        user = hashlib.sha256(pwd.getpwuid(os.getuid()).pw_name.encode()).hexdigest()[:10]
        places = [Path("/tmp/ray"), Path(f"/tmp/ray_ssh_{user}")]  # each machine has its own mounted there
        self._made = [place for place in places if not place.exists()]
        for place in self._made:
            place.mkdir()
        apart = "--net --pid --mount --uts --ipc --fork --mount-proc --propagation private --kill-child=KILL"
        self._all = subprocess.Popen(["unshare", *apart.split(), "bash", SCRIPT, "net", folder])
        until((folder / "ready").exists, "the network")
        children = Path(f"/proc/{self._all.pid}/task/{self._all.pid}/children").read_text()
        self._inside = Path("/proc") / children.split()[0]

    def _skeleton(self) -> None:
        """The home of a new machine: an environment that sees the packages of this one instead of loading them."""
        home, paths = self.folder / "skeleton", sysconfig.get_paths()
        home.mkdir()
        for name in (".bashrc", ".profile"):
            shutil.copy(Path("/etc/skel") / name, home)
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", home / "venv"], check=True)
        [site] = (home / "venv").glob("lib/*/site-packages")
        (site / "tests.pth").write_text(paths["purelib"] + "\n")
        for name in ("ray", "mlflow"):
            script = (Path(paths["scripts"]) / name).read_text("utf-8")
            program = home / "venv" / "bin" / name
            program.write_text(re.sub(r"\A#!.*", f"#!{self.home}/venv/bin/python", script))
            program.chmod(0o755)
        (home / ".config" / "pip").mkdir(parents=True)
        (home / ".config" / "pip" / "pip.conf").write_text("[global]\nno-index = true\nno-build-isolation = false\n")

    def on(self, name: str) -> None:
        """Switch on a machine: a new one, or one that lost its power and has its disk still."""
        self.begin("bash", SCRIPT, "host", self.folder, name, ADDRESSES[name])
        probe = f"exec 3<>/dev/tcp/{ADDRESSES[name]}/22"
        until(lambda: self.begin("bash", "-c", probe).wait() == 0, f"the machine {name}")

    def lose(self, name: str) -> None:
        """Cut the power of a machine."""
        for pid in self.processes(name):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        until(lambda: not self.processes(name), f"the end of {name}")
        self.run("ip", "link", "delete", name)  # at once; by itself some time after the last process
        self.run("ip", "netns", "delete", name)

    def processes(self, name: str) -> list[int]:
        """The processes on a machine, by their numbers out here."""
        network = (self._inside / "root" / "run" / "netns" / name).stat().st_ino
        found = []
        for place in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if (place / "ns" / "net").stat().st_ino == network:
                    found.append(int(place.name))
        return found

    def everything(self) -> list[int]:
        """All processes of all machines and the client."""
        names = [path.name for path in (self._inside / "root" / "run" / "netns").iterdir()]
        return [self._all.pid, int(self._inside.name), *(pid for name in names for pid in self.processes(name))]

    def titles(self, name: str) -> list[str]:
        """What the processes on a machine are called."""
        found = []
        for pid in self.processes(name):
            with suppress(OSError):
                found.append(Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode())
        return found

    def begin(self, *words: str | Path) -> subprocess.Popen[bytes]:
        """Start a command on the client, in the checkout."""
        temporary = self.folder / "temporary"
        temporary.mkdir(exist_ok=True)
        path = f"{sysconfig.get_paths()['scripts']}:{os.environ['PATH']}:/usr/sbin"
        environment = {"PATH": path, "HOME": str(self.home), "TMPDIR": str(temporary), "TERM": "dumb", "LC_ALL": "C"}
        inside = ["nsenter", f"--target={self._inside.name}", "--net", "--pid", "--mount", "--uts", "--ipc"]
        there = ["bash", "-c", 'cd "$0" && exec "$@"', self.checkout]
        with (self.folder / "said").open("ab") as said:
            self._begun.append(
                subprocess.Popen(
                    [*inside, *there, *words], env=environment, stdout=said, stderr=said, stdin=subprocess.DEVNULL
                )
            )
        return self._begun[-1]

    def run(self, *words: str | Path) -> str:
        """What a command on the client says; it has to succeed."""
        said = self.folder / "said"
        before = said.stat().st_size
        code = self.begin(*words).wait(PATIENCE)
        text = said.read_bytes()[before:].decode(errors="replace")
        assert code == 0, f"{words}: exit code {code}\n{text[-5000:]}"
        return text

    def end(self) -> None:
        """Take everything away."""
        self._all.kill()
        for one in (self._all, *self._begun):
            one.wait()
        for place in self._made:
            place.rmdir()


@pytest.fixture(scope="module", autouse=True)
def able() -> None:
    """All of these need what makes machines of this one."""
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    lacking = [package for package, names in NEEDED.items() if not all(shutil.which(name, path=path) for name in names)]
    if lacking:
        pytest.skip(f"machines on this one need more programs: apt-get install {' '.join(lacking)}")
    if os.getuid():
        pytest.skip("machines on this one are made by root")
    if subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let root make network namespaces")


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory, checkout: Path) -> Iterator[Hosts]:
    hosts = Hosts(tmp_path_factory.mktemp("hosts"), checkout)
    try:
        for name in ADDRESSES:
            hosts.on(name)
        yield hosts
    finally:
        hosts.end()


@pytest.fixture(scope="module")
def config(hosts: Hosts, checkout: Path) -> Path:
    """The real file with these machines in it, and a token as its first lines say."""
    text = (checkout / "deploy" / "onprem.yaml").read_text("utf-8")
    own = {"head_ip": ADDRESSES["head"], "worker_ips": f"[{ADDRESSES['first']}, {ADDRESSES['second']}]"}
    own |= {"ssh_user": "root", "ssh_private_key": str(hosts.folder / "key")}
    for key, value in own.items():
        text, count = re.subn(rf"(?m)^( +{key}:) .*$", rf"\1 {value}", text)
        assert count == 1, key
    path = hosts.folder / "onprem.yaml"
    path.write_text(text)
    hosts.run("bash", "-c", "ray get-auth-token --generate > /dev/null && chmod 600 ~/.ray/auth_token")
    return path


@pytest.fixture(scope="module")
def cluster(hosts: Hosts, config: Path) -> Iterator[Path]:
    """The cluster file of a cluster that is up."""
    hosts.run("ray", "up", "--yes", config)
    until(lambda: joined(hosts, config) == 3, "the workers")
    yield config
    hosts.run("ray", "down", "--yes", config)
    for name in ADDRESSES:
        until(lambda name=name: not any("raylet" in title for title in hosts.titles(name)), f"the end of Ray on {name}")


def joined(hosts: Hosts, config: Path) -> int:
    """Machines that are in the cluster."""
    return len(set(re.findall(r"node:(10\.77\.0\.\d+)", hosts.run("ray", "exec", config, NODES))))


NODES = "python -c 'import ray; ray.init(log_to_driver=False); print(ray.available_resources())'"


def training(hosts: Hosts, name: str) -> bool:
    """Whether a worker of the study is on a machine, be it between two epochs."""
    return any(title.startswith(("ray::ResourceTrainable", "ray::Worker")) for title in hosts.titles(name))


@pytest.fixture(scope="module")
def home(hosts: Hosts, cluster: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is brought home of a study that lost a machine, which came back later."""
    submitted = hosts.begin("ray", "submit", cluster, "search/run.py", *SEARCH.split())
    until(lambda: training(hosts, "first") and training(hosts, "second"), "trials on both workers")
    hosts.lose("second")
    hosts.on("second")
    assert submitted.wait(PATIENCE) == 0, (hosts.folder / "said").read_text("utf-8", errors="replace")[-5000:]
    until(lambda: joined(hosts, cluster) == 3, "the machine in the cluster again")
    home = tmp_path_factory.mktemp("home")
    for folder in ("studies", "mlflow"):
        hosts.run("ray", "rsync-down", cluster, f"~/{folder}/", f"{home}/{folder}/")
    return home


@pytest.fixture(scope="module")
def study(home: Path) -> Study:
    return read(home / "studies" / "far")


def test_the_study_is_finished_though_a_machine_was_lost(study: Study) -> None:
    assert study.finished
    assert [trial.status for trial in study.trials.values() if trial.status not in ("complete", "stopped")] == []
    assert len(study.stage("explore")) == 9
    assert [trial.status for trial in study.stage("confirm")] == ["complete", "complete"]
    assert study.header["machine"]["nodes"] == 3


def test_its_export_is_whole(study: Study) -> None:
    [export] = (study.folder / "exports").iterdir()
    verify(export)


def test_mlflow_has_a_run_for_every_trial(home: Path, study: Study) -> None:
    client = MlflowClient(f"sqlite:///{home}/mlflow/mlflow.db")
    [experiment] = [one for one in client.search_experiments() if one.name != "Default"]
    runs = client.search_runs([experiment.experiment_id])
    assert len([run for run in runs if run.data.tags["stage"] != "study"]) == len(study.trials)


def knock(hosts: Hosts, *token: str) -> tuple[int, str]:
    """Ask Ray's head for its status from another machine, whose home is empty: exit code and words."""
    said = hosts.folder / "said"
    before = said.stat().st_size
    (hosts.folder / "stranger").mkdir(exist_ok=True)
    status = ["ray", "status", "--address", f"{ADDRESSES['head']}:6379"]
    code = hosts.begin("env", f"HOME={hosts.folder}/stranger", *token, *status).wait(PATIENCE)
    return code, said.read_bytes()[before:].decode(errors="replace")


def test_rays_door_is_shut_to_a_machine_without_the_token(hosts: Hosts, cluster: Path) -> None:
    token = (hosts.folder / "client" / "root" / ".ray" / "auth_token").read_text().strip()
    mode, wrong = "RAY_AUTH_MODE=token", "0" * len(token)
    for stranger in ((), (mode, f"RAY_AUTH_TOKEN={wrong}")):
        code, said = knock(hosts, *stranger)
        assert code and "AuthenticationError" in said, said
    code, said = knock(hosts, mode, f"RAY_AUTH_TOKEN={token}")
    assert code == 0 and "Node status" in said, said  # so it was the token that kept them out


def test_mlflow_and_the_dashboard_answer_on_the_head_itself_only(hosts: Hosts, cluster: Path) -> None:
    for port in (5000, 8265):
        there = f"curl --silent --max-time 20 --output /dev/null http://{{}}:{port}"
        hosts.run("ray", "exec", cluster, there.format("127.0.0.1"))
        code = hosts.begin(*there.format(ADDRESSES["head"]).split()).wait(PATIENCE)
        assert code == 7, f"port {port}: curl ended with {code}, 7 says that it was refused"


def test_a_job_that_is_handed_over_runs_by_itself(hosts: Hosts, cluster: Path, home: Path) -> None:
    search = f"python project/search/run.py {SEARCH.replace('far', 'job').replace('--trials 9', '--trials 3')}"
    submit = f"ray job submit --no-wait --submission-id first -- bash -c 'cd && {search}'"
    hosts.run("ray", "exec", cluster, submit)

    def ended() -> bool:
        said = hosts.run("ray", "exec", cluster, "ray job status first")
        assert "Job 'first' failed" not in said, hosts.run("ray", "exec", cluster, "ray job logs first")
        return "Job 'first' succeeded" in said

    until(ended, "the end of the job")
    assert "--name job" in hosts.run("ray", "exec", cluster, "ray job logs first")
    hosts.run("ray", "rsync-down", cluster, "~/studies/job/", f"{home}/studies/job/")
    study = read(home / "studies" / "job")
    assert study.finished and len(study.stage("explore")) == 3


def test_nothing_is_left_of_the_machines(tmp_path_factory: pytest.TempPathFactory, checkout: Path) -> None:
    """Of a network that was ended in the middle, as by a killed test run."""
    before = set(Path("/tmp").iterdir())
    hosts = Hosts(tmp_path_factory.mktemp("short"), checkout)
    hosts.on("head")
    living = hosts.everything()
    assert len(living) > 3
    hosts.end()
    until(lambda: not [pid for pid in living if Path(f"/proc/{pid}").exists()], "their end")
    assert "10.77.0" not in subprocess.run(["ip", "address"], capture_output=True, text=True, check=True).stdout
    assert set(Path("/tmp").iterdir()) <= before
