import logging

from spectune.search.process.log import LOGGER, shown


def test_the_log_is_shown_for_so_long_and_left_as_it_was(capsys):
    LOGGER.info("before")
    with shown():
        LOGGER.info("%d of %d", 1, 2)
    LOGGER.info("after")
    assert capsys.readouterr() == ("", "1 of 2\n")
    assert (LOGGER.handlers, LOGGER.level) == ([], logging.NOTSET)
