"""What a study's journal calls a candidate, and what people do."""

from __future__ import annotations

import pytest

from spectune.search.records import Candidate


@pytest.mark.parametrize(
    ("candidate", "title", "slug"),
    [
        (Candidate("explored", 12), "trial 12", "trial12"),
        (Candidate("explored", 3, "cnn6"), "cnn6 (trial 3)", "cnn6"),
        (Candidate("known", "cnn2", "cnn2"), "cnn2", "cnn2"),
        (Candidate("known", "cnn6", "cnn6 depth=3"), "cnn6 depth=3", "cnn6-depth-3"),
        (Candidate("known", "cnn6"), "cnn6", "cnn6"),
        (Candidate("variant", "depth=2"), "depth=2", "depth-2"),
        (Candidate.of("simple:trees", "", ablation=False), "trees", "trees"),
    ],
)
def test_a_candidate_has_one_name_for_people_and_one_for_folders(candidate, title, slug):
    assert (candidate.title, candidate.slug) == (title, slug)


def test_a_candidate_of_a_strangers_journal_names_no_other_folder() -> None:
    candidate = Candidate("known", "../../etc/cron d")
    assert (candidate.slug, candidate.stem) == ("..-..-etc-cron-d", "known-..-..-etc-cron-d")


def test_a_trial_and_a_network_of_the_same_key_have_files_of_their_own() -> None:
    assert (Candidate("explored", 12).stem, Candidate("known", "12").stem) == ("explored-12", "known-12")


def test_the_records_tell_what_a_candidate_is(trial, study):
    found = study(trial(3, 0.5), trial(4, 0.5, stage="confirm", candidate=3), trial(5, 0.5, candidate="cnn2"))
    found.trials[3].label = "cnn6"
    assert found.candidate(3) == Candidate("explored", 3, "cnn6")
    assert found.candidate("cnn2").kind == "known"
    assert found.candidate(Candidate.simple("cnn2")).kind == "simple", "also with the name of a published network"
    found.header["ablation"] = {"reference": "cnn2"}
    assert found.candidate("cnn2") == Candidate("variant", "cnn2")
