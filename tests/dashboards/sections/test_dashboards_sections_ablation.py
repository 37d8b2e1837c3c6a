"""The page of an ablation: what it says of the variants, what it draws, and that it works at any moment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from spectune.dashboards import report
from spectune.dashboards.figures.categories import categories, shares
from spectune.dashboards.figures.differences import differences
from spectune.dashboards.figures.learning import epochs
from spectune.dashboards.figures.paired import BESIDE, paired
from spectune.dashboards.figures.tuning import drawing
from spectune.dashboards.tables import trials as table
from spectune.dashboards.tables import variants
from spectune.dashboards.tables.summary import Summary
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


@pytest.fixture(scope="module")
def study(folders: dict[str, Path]) -> record.Study:
    return record.read(folders["ablation"])


@pytest.fixture(scope="module")
def page(reports: dict[str, str], shown: Any) -> Any:
    return shown(reports["ablation"])


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


def test_lines_join_the_trainings_of_the_same_seed(study: record.Study) -> None:
    rows = variants.rows(study)
    figure = paired(rows, "accuracy", split="validation split")
    (lines,) = named(figure, "same seed")
    joined = {(lines.y[place], lines.y[place + 1]) for place in range(0, len(lines.y), 3)}
    assert all(lines.y[place] is None for place in range(2, len(lines.y), 3))
    expected = {pair for row in rows[1:] for pair in zip(rows[0]["values"], row["values"], strict=True)}
    assert sorted(joined) == [pytest.approx(pair, rel=1e-5) for pair in sorted(expected)]


def test_only_seeds_that_both_have_are_joined(study: record.Study) -> None:
    base, one, _ = json.loads(json.dumps(variants.rows(study)))
    one["seeds"], one["values"] = [7, 3, 99], [0.7, 0.3, 0.9]
    figure = paired([base, one], "accuracy", split="validation split")
    (lines,) = named(figure, "same seed")
    assert len(lines.y) == 3 * 2
    theirs = variants.by_seed(base)
    assert list(lines.y[:2]) == [pytest.approx(theirs[7], rel=1e-5), 0.7]
    (dots,) = named(figure, "variant")
    assert len(dots.y) == 3


def test_many_variants_wrap_and_one_that_fails_does_not_flatten_the_others(study: record.Study) -> None:
    base, one, _ = variants.rows(study)
    rows = [base]
    for number in range(30):
        gap = -0.5 if number == 17 else 0.01 * (number % 5 - 2.2)
        shift = {"values": [value + gap for value in base["values"]], "mean": base["mean"] + gap}
        rows.append(
            {
                **one,
                **shift,
                "variant": f"width={number} depth=3 batch_norm=True",
                "difference": {
                    **one["difference"],
                    "mean": gap,
                    "low": gap - 0.01,
                    "high": gap + 0.01,
                    "values": [gap] * 8,
                },
            }
        )
    figure = paired(rows, "accuracy", split="validation split")
    assert isinstance(figure, go.Figure)
    axes = list(figure.select_xaxes())
    assert [len(axis.ticktext) for axis in axes] == [BESIDE] * 5
    names = [text.replace("<br>", " ") for axis in axes for text in axis.ticktext]
    assert names == [row["variant"] for row in rows[1:]]
    low, high = figure.layout.updatemenus[0].buttons[1].args[1]["yaxis3.range"]
    assert base["mean"] - 0.1 < low < high < base["mean"] + 0.1
    forest = differences(rows, "accuracy", direction="max", alpha=0.05)
    assert isinstance(forest, go.Figure)
    low, high = forest.layout.updatemenus[0].buttons[2].args[1]["xaxis.range"]
    assert -0.1 < low < 0 < high < 0.1


def test_differences_show_interval_and_significance_by_colour_and_symbol(study: record.Study) -> None:
    rows = variants.rows(study)
    figure = differences(rows, "accuracy", direction="max", alpha=0.05)
    (better,), (worse,) = named(figure, "better (p ≤ 0.05, Holm)"), named(figure, "worse (p ≤ 0.05, Holm)")
    for trace, row in ((better, rows[1]), (worse, rows[2])):
        gap = row["difference"]
        assert list(trace.x) == [pytest.approx(gap["mean"], rel=1e-5)]
        assert list(trace.error_x.array) == [pytest.approx(gap["high"] - gap["mean"], rel=1e-4)]
        assert list(trace.error_x.arrayminus) == [pytest.approx(gap["mean"] - gap["low"], rel=1e-4)]
    assert better.marker.color != worse.marker.color and better.marker.symbol != worse.marker.symbol
    unclear = changed(study.comparisons["validation"], "pooling=none", p_holm=0.06)
    (trace,) = named(differences(unclear, "accuracy", direction="max", alpha=0.05), "not significant")
    assert trace.marker.symbol not in (better.marker.symbol, worse.marker.symbol)
    assert "pooling=none" in trace.text[0]


def test_the_order_of_differences_can_be_chosen(study: record.Study) -> None:
    rows = [variants.rows(study)[place] for place in (0, 2, 1)]  # the worse one first
    for direction, best in (("max", "fc_activation=linear"), ("min", "pooling=none")):
        figure = differences(rows, "accuracy", direction=direction, alpha=0.05)
        assert isinstance(figure, go.Figure)
        assert figure.layout.yaxis.ticktext[0] == best
        ranked, asked = figure.layout.updatemenus[0].buttons[:2]
        assert asked.args[1]["yaxis.ticktext"] == ["pooling=none", "fc_activation=linear"]
        for button in (ranked, asked):
            for trace, y in zip(figure.data, button.args[0]["y"], strict=True):
                lines = [button.args[1]["yaxis.ticktext"][round(place)] for place in y]
                assert all(text.startswith(line) for text, line in zip(trace.text, lines, strict=True))


def test_each_variant_has_a_panel_with_its_median_and_the_reference(study: record.Study) -> None:
    summary = Summary(study)
    figure = epochs(summary)
    assert isinstance(figure, go.Figure)
    assert [one.text for one in figure.layout.annotations] == variants.names(study)
    assert all(axis.type == "log" for axis in figure.select_yaxes())
    base = named(figure, "reference, median")
    assert len(base) == 3 and len({one.yaxis for one in base}) == 3
    medians = named(figure, "variant, median")
    for median, name in zip(medians, variants.names(study)[1:], strict=True):
        trials = [trial for trial in study.stage("confirm") if trial.candidate == name]
        losses = [[row["loss"] for _, row in trial.reports] for trial in trials]
        assert list(median.y) == pytest.approx(list(np.median(losses, axis=0)), rel=1e-3)
    buttons = figure.layout.updatemenus[0].buttons
    assert [button.label for button in buttons] == ["loss", "accuracy", "training loss"]
    assert [len(y) for y in buttons[1].args[0]["y"]] == [len(one.x) for one in figure.data]
    assert buttons[1].args[1]["yaxis2.type"] == "linear"
    assert sum(one.showlegend for one in figure.data) == 3


def test_a_median_ends_where_less_than_half_of_the_seeds_go_on(ablator: Any) -> None:
    ablator.ablate()
    for seed, length in ((1, 4), (2, 4), (3, 9)):
        ablator.confirm("cnn6", seed, epochs=length)
    (median,) = named(epochs(Summary(record.read(ablator.folder))), "reference, median")
    assert list(median.x) == [1, 2, 3, 4]


def test_trainings_of_one_epoch_are_dots(ablator: Any) -> None:
    ablator.ablate()
    ablator.confirm("cnn6", 1, epochs=1)
    figure = epochs(Summary(record.read(ablator.folder)))
    assert isinstance(figure, go.Figure)
    assert {one.mode for one in figure.data} == {"markers"}


def test_categories_are_the_share_of_their_spectra(study: record.Study, page: Any) -> None:
    found = shares(study, "validation")
    assert list(found) == ["peak positions", "peak intensities", "minor peak"]
    for name in variants.names(study):
        line = study.evaluations[name, "validation"]
        expected = [sum(right[18:]) / 90 for right in line["right"]]
        assert found["minor peak"][name] == pytest.approx(expected)
    cells = page.rows("variant", "peak positions")[2]
    means = {name: float(np.mean(found["minor peak"][name])) for name in ("cnn6", "pooling=none")}
    gap = means["pooling=none"] - means["cnn6"]
    assert cells[0] == "pooling=none" and cells[3] == f"{means['pooling=none']:.4f}{gap:+.4f}"


@pytest.mark.parametrize("of", [[], ["all"] * 27])
def test_classes_without_categories_leave_the_section_out(ablator: Any, shown: Any, of: list[str]) -> None:
    ablator.ablate(categories=of)
    ablator.compare(2)
    assert categories(Summary(record.read(ablator.folder))) == ""
    assert "Categories" not in read(ablator, shown).text


def test_spectra_with_several_labels_have_no_categories(ablator: Any) -> None:
    ablator.ablate()
    ablator.compare(2)
    study = record.read(ablator.folder)
    for line in study.evaluations.values():
        del line["right"], line["spectra"]
    assert shares(study, "validation") == {}
    assert "They are known when" in categories(Summary(study))


def test_retuning_shows_what_was_tried_and_what_was_taken(study: record.Study) -> None:
    figure = drawing(Summary(study))
    assert [list(one.x) for one in named(figure, "taken")] == [[3e-4]] * 3
    assert [list(one.x) for one in named(figure, "tried")] == [[1e-4, 1e-3]] * 3
    assert isinstance(figure, go.Figure)
    assert figure.layout.xaxis.type == "log"
    best = max(trial.values[0] for trial in study.stage("tune") if trial.candidate == "cnn6")  # type: ignore[index]
    assert named(figure, "taken")[0].y[0] == pytest.approx(best, rel=1e-5)


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


def test_long_curves_are_thinned_but_for_their_ends(ablator: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ablator.ablate()
    for name in ablator.variants:
        for seed in (1, 2):
            ablator.confirm(name, seed, epochs=20)
    monkeypatch.setattr(table, "MOST_EPOCHS", 60)  # of 120
    figure = epochs(Summary(record.read(ablator.folder)))
    seeds = [epoch for trace in named(figure, "single seeds") for epoch in trace.x if epoch is not None]
    assert len(seeds) <= 60 + 6 and seeds.count(20) == 6 and seeds.count(1) == 6
    for median in named(figure, "variant, median"):
        assert len(median.x) <= 11 and median.x[-1] == 20
