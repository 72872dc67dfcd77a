"""Compare the locked versions with the published advisories. Exit code 1: a vulnerability is known.

Where no advisory can be had (a cluster, a private mirror, an airplane), this says that nothing was compared, and exits
with 0.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
AGAIN = "Run `make audit` where pypi.org can be reached."


def main() -> int:
    """Run pip-audit on both lock files; arguments are passed on to it."""
    return max(audit(HERE / name, sys.argv[1:]) for name in ("lock.txt", "torch.txt"))


def audit(file: Path, options: list[str]) -> int:
    """The exit code for one file of pinned versions, none of which is installed for it."""
    command = [sys.executable, "-m", "pip_audit", "--no-deps", "--disable-pip", "--progress-spinner=off"]
    command += ["--format=json", "-r", str(file), *options]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        packages = json.loads(result.stdout)["dependencies"]
    except (ValueError, KeyError):
        return unreachable(file, result.stderr)
    compared = [package for package in packages if "skip_reason" not in package]
    if not compared:
        print(f"audit of {file.name} SKIPPED, nothing was compared: the index serves no advisories. {AGAIN}")
        return 0
    left_out = [package["name"] for package in packages if "skip_reason" in package]
    found = [(package, one) for package in compared for one in package["vulns"]]
    for package, one in found:
        fixed = ", ".join(one["fix_versions"]) or "no version yet"
        print(f"{package['name']} {package['version']}: {one['id']}, fixed in {fixed}")
    print(
        f"audit of {file.name}: {len(compared)} packages compared, {len(found)} vulnerabilities known"
        + (f"; not compared: {', '.join(left_out)}" if left_out else "")
    )
    return 1 if found else 0


def unreachable(file: Path, words: str) -> int:
    """Say why there is no answer; only a service out of reach is no failure."""
    last = (words.strip().splitlines() or ["no words"])[-1][:120]
    if not any(mark in words for mark in ("ConnectionError", "Timeout", "ServiceError", "Max retries", "SSLError")):
        print(f"audit of {file.name} failed: {last}", file=sys.stderr)
        return 2
    print(f"audit of {file.name} SKIPPED, nothing was compared: no advisory service answers ({last} ...). {AGAIN}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
