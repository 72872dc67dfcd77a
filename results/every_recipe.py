"""Every recipe of the package, by the command that a user gives, at a scale that a CPU does in seconds.

    python results/every_recipe.py OUT [--python PYTHON] [NAME ...]

PYTHON is the interpreter that has Semivox; one of a fresh environment shows what an installed wheel does. NAME is
``METHOD/RECIPE`` or ``tables/TABLE``; without names all are run. Scans are made up, in the two layouts that recipes are
of: the released left-atrium files, and patches with validation and test scans. Size and number of steps are overruled,
nothing else that is not said here; every overruled value must be named by the command. ``OUT/recipes.csv`` gets a line
for each recipe that ran.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import h5py
import nibabel as nib
import numpy as np

SOURCES = Path(__file__).parents[1] / "src" / "semivox" / "recipes"
STEPS = 2
SHAPE = (34, 34, 34)
PATCH = {"left-atrium": (32, 32, 16), "patches": (32, 32, 32)}
"""Divisible by what the recipes' networks halve, and square where TCSE's recipe turns."""
WIDTH = 4
SMALL_CLUSTERS = {"width": 16, "hidden": 16, "queries": 8, "heads": 2}
"""Of DKUXNet: two thirds of its 53 million parameters."""


def recipes() -> Iterator[str]:
    """``METHOD/RECIPE`` and ``tables/TABLE``."""
    for path in sorted(SOURCES.glob("*/*.toml")):
        if path.parent.name != "bases":
            yield f"{path.parent.name}/{path.stem}"


def layout_of(name: str) -> str:
    """``patches`` where the recipe chooses weights by validation scans, which the left-atrium lists do not have."""
    own = tomllib.loads((SOURCES / f"{name}.toml").read_text(encoding="utf-8"))
    base = SOURCES / "bases" / f"{own.get('base')}.toml"
    shared = tomllib.loads(base.read_text(encoding="utf-8")) if "base" in own else {}
    selection = own.get("train", {}).get("selection", shared.get("train", {}).get("selection"))
    return "patches" if selection == "validation" else "left-atrium"


def made_up(number: int) -> tuple[np.ndarray, np.ndarray]:
    """A noisy ball and where it is: (X, Y, Z) float32 and uint8."""
    random = np.random.default_rng(number)
    center = np.array(SHAPE).reshape(3, 1, 1, 1) / 2 + random.uniform(-4, 4, (3, 1, 1, 1))
    label = (((np.indices(SHAPE) - center) ** 2).sum(0) < 64).astype(np.uint8)
    image = label * 2.0 + random.normal(size=SHAPE)
    return ((image - image.mean()) / image.std()).astype(np.float32), label


def write_scans(root: Path) -> None:
    """Both layouts."""
    names = {"train.list": ("Q1", "B2", "Z3", "A4"), "test.list": ("Y5", "C6")}
    la = root / "left-atrium"
    for number, name in enumerate(name for listed in names.values() for name in listed):
        folder = la / "2018LA_Seg_Training Set" / name
        folder.mkdir(parents=True, exist_ok=True)
        with h5py.File(folder / "mri_norm2.h5", "w") as file:
            for key, value in zip(("image", "label"), made_up(number), strict=True):
                file.create_dataset(key, data=value, compression="gzip")
    for file_name, listed in names.items():
        (la / file_name).write_text("".join(f"{name}\n" for name in listed), encoding="utf-8")
    for part, letters in (("", "abcd"), ("validation_", "vw"), ("test_", "t")):
        for letter in letters:
            for kind, value in zip(("images", "labels"), made_up(ord(letter)), strict=True):
                folder = root / "patches" / f"{part}{kind}"
                folder.mkdir(parents=True, exist_ok=True)
                nib.save(nib.Nifti1Image(value, np.eye(4)), folder / f"{letter}.nii.gz")


def overruled(name: str) -> dict[str, str]:
    """``--set`` name -> value, of a method's recipe or of a table."""
    layout, (method, _) = layout_of(name), name.split("/")
    patch, table = PATCH[layout], method == "tables"
    small = {
        "plan.patch": json.dumps(patch),
        "plan.fields.network.options.width" if table else "plan.network.options.width": str(WIDTH),
        ("plan.fields" if table else "plan") + ".channels_last": "false",  # no time to find out
    }
    if layout == "patches":
        small["train.validate_every"] = "1"
    if table:
        small |= {"plan.steps": str(STEPS), "cases.labeled": "2", "train.workers": "0"}
        if layout == "left-atrium":
            small["predict.stride"] = "16,16,4"
    if method == "dkuxnet":
        small |= {f"method.clusters.{key}": str(value) for key, value in SMALL_CLUSTERS.items()}
    if name.startswith("tables/dkuxnet-"):
        small["method.dkuxnet.network.options.width"] = str(WIDTH)
        small |= {f"method.dkuxnet.options.clusters.{key}": str(value) for key, value in SMALL_CLUSTERS.items()}
    return small


def command(name: str, scans: Path, out: Path) -> list[str]:
    """What a user types after ``semivox``."""
    method, recipe = name.split("/")
    data = str(scans / layout_of(name))
    given = [word for key, value in overruled(name).items() for word in ("--set", f"{key}={value}")]
    if method == "tables":
        return ["study", "--recipe", recipe, "--data", data, "-o", str(out), *given]
    asked = ["train", data, "-o", str(out), "--method", method, "--recipe", recipe]
    return [*asked, "--steps", str(STEPS), "--labeled", "2", "--workers", "0", *given]


def run(name: str, scans: Path, out: Path, python: str = sys.executable) -> subprocess.CompletedProcess[str]:
    """One recipe; its output is kept beside its folder."""
    environment = {"OMP_NUM_THREADS": "1", **os.environ}
    place = out / name
    place.parent.mkdir(parents=True, exist_ok=True)
    asked = [python, "-m", "semivox", *command(name, scans, place)]
    done = subprocess.run(
        asked, env=environment, cwd=out, capture_output=True, text=True, encoding="utf-8", check=False
    )
    place.with_name(f"{place.name}.txt").write_text(done.stdout + done.stderr, encoding="utf-8")
    return done


def finished(place: Path) -> list[Path]:
    """The runs that did all their steps and gave a model."""
    return [log.parent for log in sorted(place.rglob("log.jsonl")) if len(_steps(log)) == STEPS]


def _steps(log: Path) -> set[int]:
    lines = map(json.loads, log.read_text(encoding="utf-8").splitlines())
    return {line["step"] for line in lines if "terms" in line}


def main() -> None:
    """Run what is named; ends with 1 where one failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("names", nargs="*", metavar="NAME", help="METHOD/RECIPE or tables/TABLE")
    parser.add_argument("--python", default=sys.executable)
    chosen = parser.parse_args()
    out = chosen.out.absolute()
    if not (out / "scans").exists():
        write_scans(out / "scans")
    failed, rows = [], []
    for name in chosen.names or recipes():
        done = run(name, out / "scans", out, chosen.python)
        runs = finished(out / name)
        told = sum("overruled:" in line for line in (done.stdout + done.stderr).splitlines())
        print(
            f"{name}: exit code {done.returncode}, runs finished: {len(runs)}, overruled values named: {told}",
            flush=True,
        )
        rows.append((name, done.returncode, len(runs), told))
        if done.returncode or not runs:
            failed.append(name)
    with (out / "recipes.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([("recipe", "exit code", "runs finished", "overruled values named"), *rows])
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
