"""Tables for papers: a method that misses objects looks no better for it, and what it has of its own is said."""

import re

from semivox.experiments.collect import collect
from semivox.experiments.groups import Estimate
from semivox.reports.markdown import write_markdown
from semivox.reports.table import lines_of, write_latex
from tests.experiments import made


def lines(tmp_path):
    """Of one labeled set; the mean teacher has the best HD95, and misses three objects."""
    found = lines_of(collect(made.study(tmp_path / "study", made.study_file(cases={"labeled": [8], "test": 12}))))
    missing = next(line for line in found if line.arm == "mean_teacher")
    missing.scores["hd95_mm"] = Estimate(0.5, None, None, undefined=3, penalized=25.25)
    return found


def test_latex_counts_missed_objects_and_calls_none_best_that_misses_them(tmp_path):
    write_latex(tmp_path / "table.tex", lines(tmp_path), "Title")
    text = (tmp_path / "table.tex").read_text(encoding="utf-8")
    row = next(line for line in text.splitlines() if line.startswith(r"mean\_teacher"))
    assert "0.50 (3 undefined; 25.25)" in row
    assert r"\textbf{0.50" not in row
    assert re.search(r"^supervised.*\\textbf\{", text, re.MULTILINE)


def test_latex_says_what_a_method_has_of_its_own(tmp_path):
    found = lines(tmp_path)
    write_latex(tmp_path / "table.tex", found, "Title")
    text = (tmp_path / "table.tex").read_text(encoding="utf-8")
    own = [line for line in found if line.own]
    assert own
    assert all(rf"\par {line.arm.replace('_', chr(92) + '_')}".split("~")[0] in text for line in own)


def test_markdown_gives_the_mean_with_the_diagonal_where_objects_are_missed(tmp_path):
    write_markdown(tmp_path / "table.md", lines(tmp_path), "Title")
    row = next(line for line in (tmp_path / "table.md").read_text(encoding="utf-8").splitlines() if "mean\\_t" in line)
    assert "0.50; 25.25 with the diagonal" in row
