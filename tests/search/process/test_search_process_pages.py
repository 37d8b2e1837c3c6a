"""Pages are drawn by real processes, which end with whoever began them."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from spectune.search.process import pages
from spectune.trainables.data import examples, load

BEGIN = """
import sys, time
from spectune.search.process import pages
with pages.ahead(*sys.argv[1:]):
    print("begun", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def asked(tmp_path: Path) -> tuple[str, ...]:
    """A page of classes, as arguments."""
    return "classes", str(tmp_path / "examples.npz"), "--out", str(tmp_path / "page.html")


def write(asked: tuple[str, ...]) -> None:
    """What is to be drawn."""
    np.savez(asked[1], **examples(load("generated", classes=4, points=200), 4))


def drawing(folder: Path) -> list[psutil.Process]:
    """The processes that have a page in the folder to draw."""
    page = str(folder / "page.html")
    return [one for one in psutil.process_iter(["cmdline"]) if page in (one.info["cmdline"] or ())]


def test_a_page_is_drawn_of_what_there_is_when_it_is_asked_for(asked, tmp_path):
    with pages.ahead(*asked) as draw:
        (process,) = drawing(tmp_path)
        spent = None
        while spent != (spent := process.cpu_times()):  # until it has imported everything
            time.sleep(0.5)
        write(asked)
        draw()
        assert "generated" in (tmp_path / "page.html").read_text()
    assert not drawing(tmp_path)


def test_nothing_is_drawn_when_it_was_not_asked_for(asked, tmp_path):
    write(asked)
    with pytest.raises(KeyboardInterrupt), pages.ahead(*asked):
        raise KeyboardInterrupt
    assert not drawing(tmp_path)
    assert not (tmp_path / "page.html").exists()


def test_a_page_that_cannot_be_drawn_is_an_error_in_one_line(tmp_path):
    with pytest.raises(ValueError, match=r"^the page report could not be drawn: .*nowhere[^\n]*$"):
        pages.draw("report", str(tmp_path / "nowhere"))


def test_a_killed_driver_leaves_no_process_and_no_page_behind(asked, tmp_path):
    write(asked)
    driver = subprocess.Popen([sys.executable, "-c", BEGIN, *asked], stdout=subprocess.PIPE, text=True)
    assert driver.stdout is not None
    assert driver.stdout.readline() == "begun\n"
    (left,) = [one for one in drawing(tmp_path) if one.pid != driver.pid]
    driver.send_signal(signal.SIGKILL)
    driver.communicate()
    psutil.wait_procs([left], timeout=60)
    assert not drawing(tmp_path)
    assert not (tmp_path / "page.html").exists()
