"""A user's own architecture in one file: what it gives, what is refused, the study's copy."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from spectune.spaces import FAMILIES, SPACES, STANDARD
from spectune.trainables import own
from spectune.trainables.models import BUILDERS, build

MINE = (Path(__file__).parents[1] / "search/my_file.py").read_text()


def written(folder, text=MINE, family="own_test"):
    path = folder / "my_file.py"
    path.write_text(text.replace("FAMILY", family))
    return path


def chosen(catalogue, space):
    """A network of a space, with some values that are not its defaults."""
    return catalogue.space(space).propose(
        lambda _, domain: domain.options[1] if hasattr(domain, "options") else domain.low
    )


def test_a_file_gives_a_family_and_a_space(tmp_path):
    space = f"{written(tmp_path)}:Mine"
    catalogue = own.load(space)
    network = chosen(catalogue, space)
    assert (network.family, network.width, network.activation) == ("own_test", 8, "relu")
    assert sum(p.numel() for p in build(network, 50, 3).parameters()) == network.cost(50, 3).parameters
    assert catalogue.families["own_test"].from_dict(network.to_dict()) == network
    assert chosen(own.load(space), space) == network  # the same text is the same family


def test_nothing_else_knows_what_a_file_gives(tmp_path):
    before = [dict(registry) for registry in (FAMILIES, SPACES, BUILDERS)]
    space = f"{written(tmp_path)}:Mine"
    own.load(space)
    assert [dict(registry) for registry in (FAMILIES, SPACES, BUILDERS)] == before
    assert space not in STANDARD.spaces
    assert "own_test" not in STANDARD.families


def test_an_edited_file_gives_the_new_network(tmp_path):
    space = f"{written(tmp_path)}:Mine"
    first = chosen(own.load(space), space)
    edited = MINE.replace("Int(8,", "Int(16,").replace(
        "nn.Linear(points, network.width)", "nn.LazyLinear(network.width)"
    )
    written(tmp_path, edited)
    second = chosen(own.load(space), space)
    assert (first.width, second.width) == (8, 16)
    assert "LazyLinear" in str(build(second, 50, 3))
    assert "LazyLinear" not in str(build(first, 50, 3))


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        (MINE, "Other", "must define Other"),
        (MINE, "Network", "must define Network"),
        (MINE.replace("def cost", "def price"), "Mine", "must define Mine, a subclass of spectune.spaces.Network with"),
        (MINE.replace("def build", "def make"), "Mine", "must define build"),
        (MINE.replace("FAMILY", "cnn"), "Mine", "family 'cnn', which exists"),
        (MINE.replace("from torch import nn", "import no_such_thing"), "Mine", "ModuleNotFound"),
        ("def broken(:", "Mine", "SyntaxError"),
        (MINE.replace("@dataclass(frozen=True, kw_only=True)", ""), "Mine", "Mine must be a dataclass"),
        (MINE.replace("ClassVar[str]", "str"), "Mine", "family is none: declare it with hyper"),
        (MINE.replace('    family: ClassVar[str] = "FAMILY"', ""), "Mine", "Mine must have a name: add family"),
        (MINE.replace(" 32,", " 3000,"), "Mine", "network of all defaults, it fails: InputError: width must be in 8"),
        (MINE.replace(", self.width)", ")"), "Mine", "Cost.__new__() missing 1 required positional argument"),
        (MINE.replace("weights, self.width)", "weights / 7, 1)"), "Mine", "of whole numbers, got Cost("),
        (MINE.replace("return Cost(", "return ("), "Mine", "must give Cost"),
        (MINE.replace("network.width)", "network.wide)"), "Mine", "it fails: AttributeError"),
        (MINE.replace("return nn.Sequential(", "return (").replace("Normalise(), ", ""), "Mine", "give a torch module"),
    ],
)
def test_what_a_file_lacks_is_one_clear_line(tmp_path, text, name, said):
    space = f"{written(tmp_path, text)}:{name}"
    for _ in range(2):  # a second attempt in the same process is refused as well
        with pytest.raises(ValueError, match="my_file") as refusal:
            own.load(space)
        assert said in str(refusal.value)
        assert "\n" not in str(refusal.value)


def test_a_network_may_refuse_the_size_that_it_is_tried_with(tmp_path):
    refusing = MINE.replace(
        "        weights =", '        if points < 9999:\n            raise ValueError("no")\n        weights ='
    )
    own.load(f"{written(tmp_path, refusing)}:Mine")


def test_a_file_that_is_not_there_is_one_clear_line(tmp_path):
    with pytest.raises(ValueError, match="there is no file"):
        own.load(f"{tmp_path}/nope.py:Mine")


def test_a_study_keeps_its_architecture(tmp_path):
    path = written(tmp_path)
    folder = tmp_path / "study"
    folder.mkdir()
    own.keep(f"{path}:Mine", folder)
    assert [file.name for file in folder.iterdir()] == [own.COPY]
    assert (folder / own.COPY).stat().st_mode & 0o777 == 0o600
    path.write_text(path.read_text() + "\n# changed\n")
    with pytest.raises(ValueError, match="a study keeps its architecture"):
        own.load(f"{path}:Mine", folder)
    path.unlink()
    assert "own_test" in own.load(f"{path}:Mine", folder).families  # the copy is enough
    assert "own_test" in own.known(own.kept(folder)).families
    assert own.known(None) is STANDARD


def test_a_copy_that_others_may_write_to_is_not_run(tmp_path):
    own.keep(f"{written(tmp_path)}:Mine", tmp_path)
    os.chmod(tmp_path / own.COPY, 0o666)
    with pytest.raises(ValueError, match="only you may write to it"):
        own.kept(tmp_path)
