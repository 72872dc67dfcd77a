"""The report of a study says what its folders hold: every number with its provenance, escaped everywhere."""

import base64
import csv
import hashlib
import re

import numpy as np
import pytest

from semivox.core.errors import InputError
from semivox.evaluation.ranks import rank
from semivox.experiments.collect import collect
from semivox.reports import figures
from semivox.reports.markdown import plain
from semivox.reports.page import Picture
from semivox.reports.provenance import provenance
from semivox.reports.study import report_study
from semivox.reports.table import escaped, lines_of
from tests.experiments import made
from tests.reports.parsed_page import HOSTILE, Page


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = made.study(tmp_path_factory.mktemp("studies") / "study")
    return folder, report_study(folder)


@pytest.fixture(scope="module")
def results(finished):
    return collect(finished[0])


@pytest.fixture
def _undrawn(monkeypatch):
    """Figures take seconds; where they do not matter, none is drawn."""
    picture = Picture("a figure", b"\x89PNG\r\n\x1a\n")
    monkeypatch.setattr("semivox.reports.pictures._kept", lambda *arguments: picture)


def test_groups_hold_all_draws_smallest_labeled_set_first(results):
    assert results.labeled_sets == ["labeled-4", "labeled-8"]
    arms = ["supervised", "mean_teacher", "ua_mt", "ua_mt~one-pass"]
    assert [group.arm.name for group in results.of("labeled-4")] == arms
    assert all(sorted(group.runs) == [(0, 1), (1, 1), (2, 1)] for group in results.groups)
    assert results.missing == 0


def test_means_are_those_of_all_rows_and_missed_objects_are_counted(results):
    group = results.of("labeled-4")[2]
    rows = [row for run in group.runs.values() for row in run.rows]
    assert group.estimate("dice").mean == pytest.approx(np.mean([row.dice for row in rows]))
    distance = group.estimate("hd95_mm")
    defined = [row.hd95_mm for row in rows if row.hd95_mm is not None]
    assert distance.mean == pytest.approx(np.mean(defined))
    assert distance.undefined == 3
    assert distance.penalized == pytest.approx((sum(defined) + 3 * 99) / 36)
    assert group.minutes() == 1.5
    assert group.memory_gb() == 2.0


def test_every_method_is_compared_with_its_twin_and_corrected_for_their_number(results):
    found = results.comparisons("labeled-4", "dice")
    verdicts = {name: one.verdict for name, one in found.items()}
    assert verdicts == {"mean_teacher": "better", "ua_mt": "worse", "ua_mt~one-pass": "inconclusive"}
    assert {one.family for one in found.values()} == {3}
    assert all(one.b == "supervised" and one.draws == 3 for one in found.values())
    ranking = results.ranking("labeled-4", "dice")
    assert ranking.names == ("mean_teacher", "supervised", "ua_mt")


def test_every_number_carries_what_it_was_made_with(results, finished):
    about = provenance(results.of("labeled-8")[2], results)
    assert (about["weights"], about["steps"], about["seeds"], about["draws"]) == ("last", "10", "1", "0, 1, 2")
    assert (about["labeled"], about["unlabeled"], about["scored"]) == ("8", "12", "12")
    assert about["spacing"] == "1 x 1 x 2.5 mm"
    assert about["splits"].count(",") == 2
    assert about["its own"] == "passes 4"
    page = Page(finished[1].read_text(encoding="utf-8"))
    titles = [value for tag, name, value in page.attributes if tag == "td" and name == "title" and "splits" in value]
    assert len(titles) == len(lines_of(results)) * 4
    assert all(word in title for title in titles for word in ("weights last", "steps 10", "seeds 1", "mm", "plan "))


def test_the_csv_holds_every_score_of_every_arm(finished, results):
    with (finished[0] / "report" / "table.csv").open(newline="") as stream:
        table = list(csv.DictReader(stream))
    assert len(table) == 2 * 4 * 8
    row = next(r for r in table if (r["setting"], r["arm"], r["score"]) == ("labeled-4", "mean_teacher", "dice"))
    expected = results.comparisons("labeled-4", "dice")["mean_teacher"]
    assert float(row["difference"]) == expected.difference
    assert float(row["p_holm"]) == expected.p_holm
    assert row["verdict"] == "better"
    assert row["splits"]
    assert row["its_own"] == ""
    row = next(r for r in table if (r["setting"], r["arm"], r["score"]) == ("labeled-4", "ua_mt", "hd95_mm"))
    estimate = results.of("labeled-4")[2].estimate("hd95_mm")
    assert (row["low"], row["high"], row["undefined"]) == ("", "", "3")
    names = ("low_with_diagonal", "mean_with_diagonal", "high_with_diagonal")
    assert [float(row[name]) for name in names] == [estimate.penalized_low, estimate.penalized, estimate.penalized_high]
    assert estimate.penalized_low <= estimate.penalized <= estimate.penalized_high


def test_the_latex_table_escapes_names_and_marks_what_is_decided(finished):
    text = (finished[0] / "report" / "table.tex").read_text(encoding="utf-8")
    assert text.count(r"\begin{table}") == text.count(r"\end{table}") == 2
    assert r"mean\_teacher & \textbf{" in text
    assert r"ua\_mt\textasciitilde{}one-pass" in text
    assert "$^{+}$" in text
    bare = re.sub(r"\\[&%$#_{}]", "", text)
    assert bare.count("{") == bare.count("}")
    for line in re.findall(r"^(?:supervised|mean|ua).*$", text, re.MULTILINE):
        assert line.count("&") == 5
    assert escaped("a_b & 50 % {x} \\ ~ ^ # $\x07") == (
        r"a\_b \& 50 \% \{x\} \textbackslash{} \textasciitilde{} \textasciicircum{} \# \$?"
    )


def test_the_markdown_table_has_a_row_an_arm_and_shows_names_as_they_are(finished, results):
    text = (finished[0] / "report" / "table.md").read_text(encoding="utf-8")
    tables = [part.splitlines() for part in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)]
    assert [len(table) for table in tables] == [6, 6]  # two lines of heading, four arms; a table a labeled set
    assert {line.count(" | ") for table in tables for line in (table[0], *table[2:])} == {10}
    row = next(line for line in tables[0] if "mean\\_teacher" in line)
    found = results.comparisons("labeled-4", "dice")["mean_teacher"]
    assert f"+{found.difference:.3f} [+{found.low:.3f}, +{found.high:.3f}] | better" in row
    assert "Undefined: objects missed or invented" in text
    assert plain("a|b <script> [x](y) *z*\n# c") == r"a\|b &lt;script&gt; \[x\](y) \*z\* # c"


def test_the_page_loads_nothing_and_its_style_is_the_one_its_policy_names(finished):
    text = finished[1].read_text(encoding="utf-8")
    page = Page(text)
    (program,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    assert page.tags.count("script") == 1
    assert not [
        value for _, name, value in page.attributes if name in ("src", "href") and not value.startswith("data:")
    ]
    assert not [1 for _, name, _ in page.attributes if name == "style" or name.startswith("on")]
    policy = next(value for _, name, value in page.attributes if name == "content" and "default-src" in value)
    digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in policy
    digest = base64.b64encode(hashlib.sha256(program.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in policy
    assert "default-src 'none'" in policy
    assert "2 are better" in page.text
    for word in (
        "Case by case",
        "Where these numbers come from",
        "as large as it may be",
        "corrected for 3 comparisons",
    ):
        assert word.lower() in page.text.lower()


@pytest.mark.usefixtures("_undrawn")
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_shown_not_obeyed(tmp_path, name):
    asked = made.study_file(title=name, methods=("mean_teacher",), method={}, cases={"labeled": [4], "test": 3})
    page = Page(report_study(made.study(tmp_path / "study", asked, cases=(name, "b", "c"))).read_text(encoding="utf-8"))
    assert name in page.text
    assert page.tags.count("script") == 1  # our own
    assert not [1 for _, attribute, _ in page.attributes if attribute.startswith("on")]
    assert "49" not in page.text.split("labeled")[0]


def test_figures_are_there_as_files_and_the_same_twice(finished, tmp_path):
    names = {path.name for path in (finished[0] / "report" / "figures").iterdir()}
    for stem in ("paired-labeled-4-dice", "ranks-labeled-8-hd95_mm", "learning-dice"):
        assert f"{stem}.pdf" in names
    ranking = rank(np.random.default_rng(0).normal(size=(20, 5)), list("abcde"), True)
    for kind in ("svg", "pdf"):
        for name in ("one", "two"):
            figures.save(figures.critical_differences(ranking, "Dice"), tmp_path / f"{name}.{kind}")
        assert (tmp_path / f"one.{kind}").read_bytes() == (tmp_path / f"two.{kind}").read_bytes()


@pytest.mark.usefixtures("_undrawn")
def test_unfinished_and_uneven_studies_say_so(tmp_path):
    skipped = "labeled-8/draw-2/seed-1/ua_mt"
    page = Page(report_study(made.study(tmp_path / "study", skip=(skipped,))).read_text(encoding="utf-8"))
    assert "1 run has no scores yet, begun or not, and nothing of them is in these tables: ua_mt 1." in page.text
    assert "ua_mt 2" in page.text
    one = made.study_file(cases={"labeled": [4], "test": 12}, method={})
    page = Page(report_study(made.study(tmp_path / "one", one)).read_text(encoding="utf-8"))
    assert "these labeled cases only" in page.text
    with pytest.raises(InputError, match="no job and no study"):
        report_study(tmp_path)
    with pytest.raises(InputError, match="no finished run"):
        report_study(made.study(tmp_path / "none", one, skip=[f"labeled-4/draw-0/seed-1/{arm}" for arm in made.GAINS]))
