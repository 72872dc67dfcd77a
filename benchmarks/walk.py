"""How far a value travels: the files that the parameters of a function are handed on through.

    python benchmarks/walk.py [SOURCE] [FUNCTION ...]

Counted from the source, nothing is run. A parameter is followed by name: where it, or a part of it (``spec.plan``),
is an argument of a call of our own, the called function's parameter is followed too, and so on; what a constructor
keeps in ``self`` is followed through the methods of the class. What a function computes from it is a new value and
not followed. Printed are the files it reaches, and those of them that it passes through: which hand it, or a part of
it, on to another file. A file that only uses it, also by a function of ``core``, is an end of the way.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

FUNCTIONS = ("train_run", "run_job", "report")


class Source:
    """All functions and classes of a package, and what each file calls them."""

    def __init__(self, root: Path) -> None:
        self.defined: dict[tuple[str, str], ast.AST] = {}
        self.names: dict[str, dict[str, tuple[str, str]]] = {}
        for path in sorted(root.rglob("*.py")):
            module = ".".join([root.name, *path.relative_to(root).with_suffix("").parts]).removesuffix(".__init__")
            tree = ast.parse(path.read_text(encoding="utf-8"))
            names: dict[str, tuple[str, str]] = {}
            for node in tree.body:
                if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                    self.defined[module, node.name] = node
                    names[node.name] = (module, node.name)
            for found in ast.walk(tree):
                if isinstance(found, ast.ImportFrom) and found.module:
                    for alias in found.names:
                        names[alias.asname or alias.name] = (found.module, alias.name)
            self.names[module] = names

    def find(self, module: str, called: ast.expr) -> tuple[str, str] | None:
        """The definition that an expression names in a file; None where it is not ours, or not known."""
        if isinstance(called, ast.Name):
            return self.real(self.names[module].get(called.id))
        if isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name):
            outer = self.names[module].get(called.value.id)
            if outer is None:
                return None
            for place in ((f"{outer[0]}.{outer[1]}", called.attr),):
                if found := self.real(place):
                    return found
            owner = self.real(outer)
            if owner and isinstance(self.defined[owner], ast.ClassDef):  # a classmethod
                return (owner[0], f"{owner[1]}.{called.attr}")
        return None

    def real(self, place: tuple[str, str] | None) -> tuple[str, str] | None:
        """Where a name that may be imported on is defined."""
        for _ in range(5):
            if place is None or place in self.defined:
                return place
            place = self.names.get(place[0], {}).get(place[1])
        return None


def walk(source: Source, start: tuple[str, str]) -> dict[str, bool]:
    """Every module that the parameters of a function reach -> whether it hands them on to another one."""
    on: dict[str, bool] = {}
    seen: set[tuple[str, str, str]] = set()
    node = source.defined[start]
    assert isinstance(node, ast.FunctionDef)
    todo = [(start[0], start[1], one.arg) for one in arguments(node)]
    while todo:
        module, name, parameter = todo.pop()
        if (module, name, parameter) in seen:
            continue
        seen.add((module, name, parameter))
        on.setdefault(module, False)
        for function, root in bodies(source, module, name, parameter):
            found = list(passed(source, module, name, function, root))
            on[module] |= any(other != module and ".core." not in other for other, _, _ in found)
            todo += found
    return on


def bodies(source: Source, module: str, name: str, parameter: str):
    """The functions in which a parameter is to be looked for, and what it is called there."""
    node = source.defined.get((module, name.partition(".")[0]))
    if isinstance(node, ast.FunctionDef):
        yield node, parameter
    elif isinstance(node, ast.ClassDef):
        methods = {one.name: one for one in node.body if isinstance(one, ast.FunctionDef)}
        wanted = name.partition(".")[2] or "__init__"
        if wanted in methods:
            yield methods[wanted], parameter
        kept = {parameter} if "__init__" not in methods else attributes(methods["__init__"], parameter)
        if wanted == "__init__":
            for method in methods.values():
                for attribute in kept:
                    yield method, f"self.{attribute}"


def attributes(init: ast.FunctionDef, parameter: str) -> set[str]:
    """What a constructor keeps a parameter, or a part of it, as."""
    kept = set()
    for node in ast.walk(init):
        if not isinstance(node, ast.Assign):
            continue
        for target in node.targets:
            pairs = [(target, node.value)]
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                pairs = list(zip(target.elts, node.value.elts, strict=False))
            kept |= {t.attr for t, v in pairs if isinstance(t, ast.Attribute) and within(v, parameter)}
    return kept


def within(node: ast.expr, root: str) -> bool:
    """Whether an expression is a value, or a part of it: ``spec``, ``spec.plan``, ``self.spec.plan``."""
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "Path" and len(node.args) == 1:
        node = node.args[0]  # the same value
    text = ast.unparse(node)
    return text == root or (text.startswith(f"{root}.") and "(" not in text)


def passed(source: Source, module: str, name: str, function: ast.FunctionDef, root: str):
    """Where a function hands the value on: (module, function, parameter)."""
    for call in ast.walk(function):
        if not isinstance(call, ast.Call):
            continue
        called = source.find(module, call.func)
        if isinstance(call.func, ast.Name) and call.func.id == "partial" and call.args:
            called = source.find(module, call.args[0])
        if called is None and isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) == "self":
            called = (module, f"{name.partition('.')[0]}.{call.func.attr}")
        if called is None:
            continue
        node = source.defined.get((called[0], called[1].partition(".")[0]))
        names = parameters_of(node, called[1].partition(".")[2])
        for position, value in enumerate(call.args):
            if within(value, root) and position < len(names):
                yield (*called, names[position])
        for keyword in call.keywords:
            if keyword.arg and within(keyword.value, root):
                yield (*called, keyword.arg)


def parameters_of(node: ast.AST | None, method: str) -> list[str]:
    """Names of what a function, a method or a constructor takes, without ``self``."""
    if isinstance(node, ast.FunctionDef):
        return [one.arg for one in arguments(node)]
    if isinstance(node, ast.ClassDef):
        wanted = method or "__init__"
        for one in node.body:
            if isinstance(one, ast.FunctionDef) and one.name == wanted:
                names = [a.arg for a in arguments(one)]
                return names[1:] if names[:1] in (["self"], ["cls"]) else names
        return [
            one.target.id for one in node.body if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)
        ]
    return []


def arguments(node: ast.FunctionDef) -> list[ast.arg]:
    """All but *args and **kwargs."""
    return [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]


def main(words: list[str]) -> None:
    """Print the number for each function, and the files."""
    source = Source(Path(words[0] if words else "src/semivox"))
    for name in words[1:] or FUNCTIONS:
        for start in sorted(place for place in source.defined if place[1] == name):
            files = walk(source, start)
            through = sorted(module for module, on in files.items() if on)
            print(f"{start[0]}.{name}: through {len(through)} files, reaching {len(files)}")
            print("    " + "\n    ".join(through))


if __name__ == "__main__":
    main(sys.argv[1:])
