"""A stand-in for SLURM: sbatch, srun, squeue, scancel, sinfo as small programs that run jobs on this machine at once.

They keep what was seen of a real SLURM (22.05): words, states, exit codes, which processes get which signal. A test
puts them on the PATH; where it needs what only a scheduler does (a time limit, a cancelled job), it sends signals or
writes a state itself.
"""

from __future__ import annotations

import stat
import sys
from pathlib import Path

COMMANDS = ("sbatch", "srun", "squeue", "scancel", "sinfo")

PROGRAM = """#!{python} -SE
import os, pathlib, signal, subprocess, sys

ROOT = pathlib.Path({root!r})
WORDS = [word for word in sys.argv[1:] if not word.startswith("-")]
GIVEN = dict(word[2:].split("=", 1) for word in sys.argv[1:] if word.startswith("--") and "=" in word)
STEP = {{"PROCID": "0", "LOCALID": "0", "NTASKS": "1", "JOB_NUM_NODES": "1", "NODEID": "0"}}


def kept(number, what):
    return ROOT / f"{{number}}.{{what}}"


def state(number):
    if kept(number, "state").exists():
        return kept(number, "state").read_text()
    if kept(number, "code").exists():
        return "COMPLETED" if kept(number, "code").read_text().strip() == "0" else "FAILED"
    return "RUNNING"


def sbatch():
    given = dict(GIVEN)
    if "--test-only" not in sys.argv:
        lines = pathlib.Path(WORDS[-1]).read_text().splitlines()
        given = dict(line[10:].strip().split("=", 1) for line in lines if line.startswith("#SBATCH --"))
    if given.get("partition") == "nosuch":
        sys.exit("sbatch: error: invalid partition specified: nosuch")
    if "--test-only" in sys.argv:
        return
    number = 1 + max((int(path.stem) for path in ROOT.glob("*.name")), default=0)
    kept(number, "name").write_text(given["job-name"])
    variables = {{f"SLURM_{{name}}": value for name, value in STEP.items()}} | {{"SLURM_JOB_ID": str(number)}}
    line = f"bash '{{WORDS[-1]}}'; echo $? > '{{kept(number, 'code')}}'"
    subprocess.Popen(["bash", "-c", line], env=os.environ | variables, start_new_session=True,
                     stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    print(f"Submitted batch job {{number}}")


def srun():
    number = os.environ["SLURM_JOB_ID"]
    for option, handle in (("--output", 1), ("--error", 2)):
        path = sys.argv[sys.argv.index(option) + 1].replace("%j", number).replace("%t", "0")
        os.dup2(os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY), handle)
    os.setpgid(0, 0)
    kept(number, "step").write_text(str(os.getpid()))
    program = sys.argv[sys.argv.index("--error") + 2:]
    os.execv(program[0], program)


def squeue():
    numbers = [path.stem for path in ROOT.glob("*.name")]
    if "jobs" in GIVEN:
        asked = GIVEN["jobs"].split(",")
        numbers = [number for number in numbers if number in asked and state(number) != "PURGED"]
        if not numbers and len(asked) == 1:
            sys.exit("slurm_load_jobs error: Invalid job id specified")
    else:
        numbers = [number for number in numbers if kept(number, "name").read_text() == GIVEN["name"]]
        numbers = [number for number in numbers if state(number) in ("PENDING", "RUNNING")]
    for number in numbers:
        words = {{"%i": number, "%T": state(number), "%r": reason(number)}}
        print("|".join(words[name] for name in GIVEN["format"].split("|")))


def reason(number):
    why = kept(number, "reason")
    return why.read_text() if why.exists() else "None"


def sinfo():
    gpus = {{"main": "(null)", "gpu": "gpu:a100:4(S:0-1)"}}
    wanted = GIVEN.get("partition", "main,gpu").split(",")
    print("".join(f"{{name}}{{'*' * (name == 'main')}}|{{gpus[name]}}\\n" for name in wanted), end="")


def scancel():
    number = WORDS[-1]
    if GIVEN.get("state", state(number)) != state(number):
        return
    if "signal" not in GIVEN:
        kept(number, "state").write_text("CANCELLED")
    if kept(number, "step").exists():  # a signal reaches every process of the step
        os.killpg(int(kept(number, "step").read_text()), getattr(signal, "SIG" + GIVEN.get("signal", "TERM")))


{command}()
"""


def install(root: Path) -> Path:
    """Write the commands to ``root/bin`` and return it. Jobs leave ``N.name``, ``N.step`` (the process group
    that signals go to) and ``N.code`` in ``root``; a ``N.state`` written there is what squeue says of job N,
    a ``N.reason`` why it waits. The partition ``gpu`` has GPUs, ``main`` (the default) none."""
    folder = root / "bin"
    folder.mkdir(parents=True)
    for command in COMMANDS:
        path = folder / command
        path.write_text(PROGRAM.format(python=sys.executable, root=str(root), command=command), encoding="utf-8")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return folder
