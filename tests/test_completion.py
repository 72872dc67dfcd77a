"""Shells complete commands, options, and the values that an option can have."""

import os
import subprocess
import sys

import pytest
import shellingham

from semivox.cli import exit_code

WORDS = [
    ("semivox pre", {"prepare", "predict", "pretrain"}),
    ("semivox run scans/ --net", {"--network"}),
    ("semivox run scans/ --method mean", {"mean_teacher"}),
    ("semivox run scans/ --device c", {"cpu", "cuda"}),
    ("semivox plan scans/ --network un", {"unet3d"}),
    ("semivox methods mc", {"mc_net", "mc_net_plus"}),
    ("semivox methods mc-n", {"mc-net", "mc-net-plus"}),
]
INSTALLED = {
    "bash": (".bash_completions/semivox.sh", ".bashrc"),
    "zsh": (".zfunc/_semivox", ".zshrc"),
    "fish": (".config/fish/completions/semivox.fish",),
}
COMPLETED = """
set -e
eval "$(semivox --show-completion)"
COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_semivox_completion semivox
printf '%s\n' "${{COMPREPLY[@]}}"
"""


@pytest.mark.parametrize(("words", "completed"), WORDS)
def test_bash_completes_commands_options_and_names(words, completed, tmp_path):
    """The script that --install-completion installs, in a bash of its own."""
    program = tmp_path / "semivox"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m semivox "$@"\n')
    program.chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", COMPLETED.format(words=words)],
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) == completed


def asked(shell, words):
    """What the script of a shell puts into the environment when it asks for completions."""
    if shell == "bash":
        return {"_SEMIVOX_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    environment = {"_SEMIVOX_COMPLETE": f"complete_{shell}", "_TYPER_COMPLETE_ARGS": words}
    return environment | ({"_TYPER_COMPLETE_FISH_ACTION": "get-args"} if shell == "fish" else {})


def answered(shell, text):
    """The words of an answer, without the descriptions that zsh and fish show beside them."""
    if shell == "zsh":
        assert text.startswith("_arguments '*: :((")
        return {part.split(":")[0].strip('"') for part in text.partition("((")[2].rpartition("))")[0].splitlines()}
    return {line.partition("\t")[0] for line in text.splitlines()}


@pytest.mark.parametrize("shell", INSTALLED)
@pytest.mark.parametrize(("words", "completed"), WORDS)
def test_every_shell_is_answered_in_its_own_way(shell, words, completed, monkeypatch, capsys):
    for name, value in asked(shell, words).items():
        monkeypatch.setenv(name, value)
    assert exit_code([]) == 0
    assert answered(shell, capsys.readouterr().out.strip()) == completed


@pytest.mark.parametrize("shell", INSTALLED)
def test_completion_is_installed_and_shown_for_the_shell_that_asks(shell, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(shellingham, "detect_shell", lambda: (shell, f"/bin/{shell}"))
    assert exit_code(["--show-completion"]) == 0
    shown = capsys.readouterr().out.strip()
    assert f"_SEMIVOX_COMPLETE=complete_{shell}" in shown
    assert exit_code(["--install-completion"]) == 0
    script, *begun = INSTALLED[shell]
    assert f"{shell} completion installed in {tmp_path / script}" in capsys.readouterr().out
    assert (tmp_path / script).read_text(encoding="utf-8").strip() == shown
    for start in begun:
        assert (
            "completion" in (tmp_path / start).read_text(encoding="utf-8") or "zfunc" in (tmp_path / start).read_text()
        )


def test_a_shell_that_is_not_known_is_said(monkeypatch, capsys):
    monkeypatch.setattr(shellingham, "detect_shell", lambda: ("csh", "/bin/csh"))
    assert exit_code(["--install-completion"]) == 1
    assert "csh is not supported" in capsys.readouterr().out
