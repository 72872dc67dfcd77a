"""What can be set of a method is known without loading it, and never from an outdated file."""

import json
import subprocess
import sys

import pytest

from semivox.core.errors import InputError
from semivox.methods import METHODS, PRETRAININGS, fields


@pytest.mark.parametrize("name", [*METHODS, *PRETRAININGS])
def test_the_file_beside_the_sources_says_what_the_method_says(name: str) -> None:
    kept = json.loads(fields.KEPT.read_text(encoding="utf-8"))
    modules = fields.modules_of(name)
    now = {"modules": modules, "digest": fields.digest_of(modules), **fields.asked(name)}
    assert kept.get(name) == now, "fields.json is outdated: make fields"


def test_a_method_is_described_without_torch() -> None:
    code = (
        "import sys; from semivox.cli import exit_code; code = exit_code(['methods', 'sassnet']); "
        "print(sorted({'torch', 'numpy', 'scipy'} & sys.modules.keys())); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)
    assert "shape = 0.3" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


def test_where_a_source_has_changed_the_method_is_asked(tmp_path, monkeypatch) -> None:
    kept = json.loads(fields.KEPT.read_text(encoding="utf-8"))
    kept["sassnet"]["fields"] = []
    place = tmp_path / "fields.json"
    monkeypatch.setattr(fields, "KEPT", place)
    place.write_text(json.dumps(kept), encoding="utf-8")
    assert fields.settable("sassnet")["fields"] == []  # the digest fits: it is believed
    kept["sassnet"]["digest"] = "0" * 64
    place.write_text(json.dumps(kept), encoding="utf-8")
    assert fields.settable("SASSNet") == fields.asked("sassnet")
    place.unlink()
    assert fields.settable("sassnet") == fields.asked("sassnet")


def test_functions_do_not_count_and_everything_else_does(tmp_path, monkeypatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    source = 'class A:\n    """About."""\n    x = 1\n\n    @property\n    def y(self):\n        return 1\n'
    found = []
    for number, text in enumerate((source, source.replace("return 1", "return 2"), source.replace("x = 1", "x = 2"))):
        (tmp_path / f"fields_subject_{number}.py").write_text(text, encoding="utf-8")
        found.append(fields.digest_of([f"fields_subject_{number}"]))
    assert found[0] == found[1] != found[2]
    assert fields.digest_of(["no_such_module_anywhere"]) == ""


def test_an_unknown_method_is_named_with_those_there_are() -> None:
    with pytest.raises(InputError, match=r"there is no method 'sasnet'.*sassnet"):
        fields.settable("sasnet")
