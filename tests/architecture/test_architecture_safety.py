"""Nothing that a stranger wrote is run: no pickle, no eval, no YAML with objects."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

RUNS_WHAT_IT_READS = {"pickle", "cPickle", "_pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}

MEANT = {
    "trainables/own.py: compile",
    "trainables/own.py: exec",
}  # the file that the user gives as --space is Python to run


def dangers(tree: ast.AST) -> Iterator[str]:
    """Every construct that can run code from data."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            yield from (f"import {name}" for name in modules if name.split(".")[0] in RUNS_WHAT_IT_READS)
        elif isinstance(node, ast.Call):
            yield from _calls(node)


def _calls(call: ast.Call) -> Iterator[str]:
    name = ast.unparse(call.func)
    options = {keyword.arg: keyword.value for keyword in call.keywords}
    if name in ("eval", "exec", "compile", "builtins.eval", "builtins.exec"):
        yield name
    if name.split(".")[-1] in ("read_pickle", "unsafe_load", "full_load", "load_module"):
        yield name
    if name == "yaml.load":
        yield f"{name}: use yaml.safe_load"
    if name in ("torch.load", "torch.jit.load") and not _is(options.get("weights_only"), True):
        yield f"{name} without weights_only=True"
    if "allow_pickle" in options and not _is(options["allow_pickle"], False):
        yield f"{name} with allow_pickle"
    if name.startswith(("subprocess.", "os.")) and ("shell" in options or name in ("os.system", "os.popen")):
        yield f"{name} with a shell"


def _is(node: ast.expr | None, value: bool) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def test_nothing_runs_code_from_data(source: dict[str, ast.Module]) -> None:
    found = {f"{path}: {danger}" for path, tree in source.items() for danger in dangers(tree)}
    assert found == MEANT


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from joblib import load",
        "eval(text)",
        "exec(text)",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "np.load(path, allow_pickle=True)",
        "yaml.load(text)",
        "pd.read_pickle(path)",
        "subprocess.run(text, shell=True)",
    ],
)
def test_the_check_sees_it(code: str) -> None:
    assert list(dangers(ast.parse(code)))


@pytest.mark.parametrize("code", ["torch.load(path, weights_only=True)", "np.load(path)", "yaml.safe_load(text)"])
def test_the_check_lets_the_safe_way_pass(code: str) -> None:
    assert not list(dangers(ast.parse(code)))
