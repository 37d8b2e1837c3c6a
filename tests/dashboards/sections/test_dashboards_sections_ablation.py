"""The page of an ablation: what it says of the variants, what it draws, and that it works at any moment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import pytest

from spectune.dashboards import report
from spectune.dashboards.tables import variants
from spectune.search.records import study as record

HOSTILE = "</script><script>alert('x')</script> & <b>bold</b>"
FIGURES = {
    "plot-paired-validation",
    "plot-paired-test",
    "plot-differences-validation",
    "plot-differences-test",
    "plot-epochs",
    "plot-categories-validation",
    "plot-categories-test",
    "plot-tuning",
}


def read(scribe: Any, shown: Any) -> Any:
    return shown(report.build(record.read(scribe.folder)))


def named(figure: Any, name: str) -> list[Any]:
    assert isinstance(figure, go.Figure)
    return [one for one in figure.data if one.name == name]


def changed(line: dict[str, Any], variant: str, **values: Any) -> list[dict[str, Any]]:
    """The rows of a comparison, with other values in the difference of a variant."""
    rows: list[dict[str, Any]] = json.loads(json.dumps(line["rows"]))
    next(row for row in rows if row["variant"] == variant)["difference"].update(values)
    return rows


def test_the_head_says_what_was_found_on_each_split(study: record.Study, page: Any) -> None:
    assert "spectune ablation on challenge" in page.text
    said = page.text.split("Dataset")[0]
    findings = [row["finding"] for split in ("validation", "test") for row in study.comparisons[split]["rows"]]
    assert all(finding in said for finding in findings)
    assert said.index("On the validation split") < said.index("On the blind test")
    assert "1 left out, and why" in page.text
    assert "kernel_size=4: kernel_size must be odd" in page.text
    assert "33 trained to the end" in page.text
    assert "fc_activation = relu" in page.text  # the reference in words


def test_the_tables_hold_what_the_study_wrote(study: record.Study, page: Any) -> None:
    tables = [table for table in page.tables if table[0][0] == "variant" and "std" in table[0]]
    for split, (_, *rows) in zip(("validation", "test"), tables, strict=True):
        for row, cells in zip(study.comparisons[split]["rows"], rows, strict=True):
            assert cells[0].startswith(row["variant"])
            assert cells[1] == f"{row['mean']:.4f}{row['low']:.4f} to {row['high']:.4f}"
            assert cells[2] == f"{row['std']:.4f}8 seeds"
            gap = row["difference"]
            if row["variant"] == "cnn6":
                assert gap is None and cells[3:8] == [""] * 5
                continue
            assert cells[3] == f"{gap['mean']:+.4f}{gap['low']:.4f} to {gap['high']:.4f}"
            assert cells[4:7] == [f"{gap['p']:.3f}", f"{gap['p_holm']:.3f}", f"{gap['effect']:+.2f}"]
            assert cells[7] == ("" if gap["seeds_needed"] is None else str(gap["seeds_needed"]))


def test_a_variant_says_what_it_changes_and_what_changes_along(page: Any) -> None:
    cells = [row[0] for row in page.rows("variant", "accuracy")]
    assert cells[1].startswith("fc_activation=linearfc_activation relu → linear, re-tuned learning_rate = 3e-4")
    assert "pooling max → none, without pool_size, pool_stride" in cells[2]


def test_the_reference_stands_out_and_significant_p_values_do(reports: dict[str, str], study: record.Study) -> None:
    table = reports["ablation"].split('<section id="variants">')[1].split("</table>")[0]
    assert table.count('<tr class="first"><td>cnn6') == table.count('class="first"') == 1
    clear = [row for row in study.comparisons["validation"]["rows"] if variants.significant(row, 0.05)]
    assert table.count('class="significant num"') == len(clear) == 2


def test_a_finished_page_has_all_figures_and_searches_have_none_of_them(reports: dict[str, str], shown: Any) -> None:
    assert set(shown(reports["ablation"]).figures) == FIGURES
    assert not set(shown(reports["whole"]).figures) & FIGURES


def test_trainings_are_listed_under_their_variant(study: record.Study, page: Any) -> None:
    rows = page.rows("trial", "stage")
    assert len(rows) == len(study.trials) == 33
    assert {row[1] for row in rows} == {"confirm", "tune"}
    assert "seed 8 of pooling=none" in {row[3] for row in rows}
    assert "(baseline)" not in page.text
    assert "spectune ablate --reference cnn6" in page.text
    assert "config of fc_activation=linear" in page.text


def test_a_running_ablation_shows_what_has_ended(folders: dict[str, Path], reports: dict[str, str], shown: Any) -> None:
    page, trials = shown(reports["interrupted"]), record.read(folders["interrupted"]).trials
    assert "Nothing is compared yet: 3 of 5 trainings that were started are done." in page.text
    assert "This study has not finished." in page.text
    reference, linear, none = page.rows("variant", "accuracy")
    assert reference[2].endswith("2 seeds") and linear[2] == "1 of 2 seeds"
    gap = trials[2].metrics["accuracy"] - trials[0].metrics["accuracy"]  # of the one seed that both have
    assert linear[3] == f"{gap:+.4f}" and linear[4:8] == [""] * 4  # a difference, but no test
    assert none[0].startswith("pooling=none") and none[1:] == ["", "0 of 1 seed", *[""] * 8]
    assert {"plot-paired-validation", "plot-differences-validation", "plot-epochs"} == set(page.figures)
    drawn = page.figures["plot-differences-validation"]["data"]
    assert [one["name"] for one in drawn] == ["single seeds", "not tested"]


def test_before_the_first_training_and_when_all_fail_there_are_words(ablator: Any, shown: Any) -> None:
    ablator.ablate(retune=["learning_rate"])
    page = read(ablator, shown)
    assert "No training has ended yet." in page.text
    assert page.figures == {}
    assert page.rows("variant", "accuracy")[0][0] == "cnn6"
    for name in ablator.variants:
        ablator.confirm(name, 1, status="failed", reason="nan", epochs=1)
    page = read(ablator, shown)
    assert "No variant has a value: 3 of 3 trainings failed." in page.text
    assert page.text.count("failed: nan") == 3


def test_a_reference_that_failed_leaves_the_values_of_the_variants(ablator: Any, shown: Any) -> None:
    ablator.ablate()
    ablator.confirm("cnn6", 1, status="failed", reason="out of memory", epochs=0)
    ablator.confirm("pooling=none", 1)
    page = read(ablator, shown)
    assert page.rows("variant", "accuracy")[2][1].startswith("0.")
    assert page.rows("variant", "accuracy")[2][3] == ""
    assert set(page.figures) == {"plot-epochs"}


def test_one_seed_has_no_intervals_and_says_so(ablator: Any, shown: Any) -> None:
    ablator.ablate()
    ablator.compare(1)
    page = read(ablator, shown)
    assert "One seed does not show how much the seeds alone would change" in page.text
    assert page.rows("variant", "accuracy")[1][2] == "1 seed"
    assert " to " not in page.rows("variant", "accuracy")[1][1]


@pytest.mark.parametrize(("seeds", "needed"), [(5, 7), (8, None)])
def test_seeds_too_few_for_any_significance_are_named(ablator: Any, shown: Any, seeds: int, needed: int | None) -> None:
    """The least p of two-sided sign flips is 2 / 2**seeds, times two variants: 0.125, at seven seeds 0.03125."""
    ablator.ablate()
    ablator.compare(seeds)
    text = read(ablator, shown).text
    assert ("no difference can be significant" in text) == (needed is not None)
    assert (f"From {needed} seeds on it can." in text) == (needed is not None)


def test_a_metric_to_be_minimal_is_better_to_the_left(ablator: Any, shown: Any) -> None:
    ablator.objectives = [["loss", "min"]]
    ablator.ablate({"pooling=none": ({}, {}, -0.3), "fc_activation=linear": ({}, {}, 0.15)})
    ablator.compare(8)
    page = read(ablator, shown)
    figure = page.figures["plot-differences-validation"]
    assert figure["layout"]["xaxis"]["title"]["text"] == "loss, difference from cnn6 (left is better)"
    assert figure["layout"]["yaxis"]["ticktext"][0] == "fc_activation=linear"
    better = next(one for one in figure["data"] if one["name"].startswith("better"))
    assert better["x"][0] < 0
    assert [button["label"] for button in page.figures["plot-epochs"]["layout"]["updatemenus"][0]["buttons"]] == [
        "loss",
        "accuracy",
        "training loss",
    ]


def test_a_comparison_holds_until_another_training_ends(ablator: Any) -> None:
    ablator.ablate()
    ablator.compare(3, splits=("validation", "test"))
    before = variants.rows(record.read(ablator.folder))
    assert before[1]["difference"]["p_holm"] is not None
    ablator.confirm("pooling=none", 4, status="running", epochs=2)
    assert variants.rows(record.read(ablator.folder)) == before
    ablator.confirm("cnn6", 4)
    study = record.read(ablator.folder)
    after = variants.rows(study)
    assert after[0]["seeds"] == [1, 2, 3, 4]
    assert after[1]["difference"]["p_holm"] is None
    assert after[1]["difference"]["mean"] == pytest.approx(before[1]["difference"]["mean"])
    assert variants.rows(study, "test") == []


def test_many_findings_are_folded_but_for_the_significant_ones(ablator: Any, shown: Any) -> None:
    others = {f"width={width}": ({}, {}, 0.0) for width in range(8)}
    ablator.ablate({**others, "depth=2": ({}, {}, -0.4)})
    ablator.compare(11)
    html = report.build(record.read(ablator.folder))
    rows = record.read(ablator.folder).comparisons["validation"]["rows"]
    clear = [row["finding"] for row in rows if variants.significant(row, 0.05)]
    result = html.split('<ul class="result">')[1].split("</ul>")[0]
    assert 0 < len(clear) < 9 and result.count("<li>") == len(clear)
    assert "depth=2 changes the accuracy" in result
    assert shown(html).text.count("changes the accuracy") == 9  # the others are there, folded


def test_names_cannot_become_html(ablator: Any, shown: Any) -> None:
    ablator.ablate(
        {HOSTILE: ({}, {"x": None}, 0.1)},
        skipped=[[HOSTILE, HOSTILE]],
        retune=["learning_rate"],
        categories=[HOSTILE] * 9 + ["other"] * 18,
    )
    ablator.retune()
    ablator.compare(2)
    html = report.build(record.read(ablator.folder))
    assert "<script>alert" not in html and "</script><script>" not in html
    page = shown(html)
    assert page.text.count(HOSTILE) > 5
    assert page.scripts == 2 + len(page.figures)
    assert len(page.figures) == 5
    assert not any("<script" in text or "<b>" in text for text in strings(page.figures))


def strings(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for key, part in value.items() for text in (key, *strings(part))]
    if isinstance(value, list):
        return [text for part in value for text in strings(part)]
    return [value] if isinstance(value, str) else []
