"""Import circles of the core: `tools/circles.py` lists them and ends with status 1 if there are any.

A file imports another one by `use` or by a path that begins with `crate::`, `super::` or `self::`; names that a `mod.rs`
only hands on (`pub use`) are followed to where they are defined. Tests are left out. Counted are circles of files, a
folder's `mod.rs` and the files below it taken apart from its own children (a folder stands on its files, which may use its
names), and circles of stages, which are the files and folders directly below `src`.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent / "evscale-core/src"


def code(path: Path) -> str:
    """Text of a file without comments, strings and tests."""
    text = re.sub(r"//[^\n]*", "", path.read_text())
    text = re.sub(r'"(?:\\.|[^"\\])*"', '""', text)
    return re.split(r"#\[cfg\(test\)\]\s*mod tests", text)[0]


def modules() -> dict[tuple[str, ...], Path]:
    """File of each module path."""
    found = {}
    for path in ROOT.rglob("*.rs"):
        if path.name == "tests.rs":
            continue
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[() if parts == ("lib",) else parts[:-1] if parts[-1] == "mod" else parts] = path
    return found


def expanded(tree: str) -> list[list[str]]:
    """Paths of a use tree: `a::{b, c::d}` is `a::b` and `a::c::d`."""
    tree = tree.strip()
    brace = tree.find("{")
    if brace < 0:
        return [[part.split(" as ")[0].strip() for part in tree.split("::")]]
    prefix = [part for part in tree[:brace].split("::") if part.strip()]
    inner, depth, parts, start = tree[brace + 1:tree.rindex("}")], 0, [], 0
    for index, letter in enumerate(inner + ","):
        depth += (letter == "{") - (letter == "}")
        if letter == "," and depth == 0:
            parts.append(inner[start:index])
            start = index + 1
    return [prefix + path for part in parts if part.strip() for path in expanded(part)]


class Imports:
    """Who imports whom."""

    def __init__(self) -> None:
        self.modules = modules()
        self.texts = {module: code(path) for module, path in self.modules.items()}
        self.handed_on = {module: self._uses(module, r"pub(?:\(\w+\))? use ([^;]+);") for module in self.modules}

    def _uses(self, module: tuple[str, ...], pattern: str) -> list[list[str]]:
        return [path for tree in re.findall(pattern, self.texts[module]) for path in expanded(tree)]

    def resolve(self, module: tuple[str, ...], path: list[str], depth: int = 0) -> tuple[str, ...] | None:
        """Module in which the thing is defined that `module` calls `path`; none for one of another crate."""
        here: tuple[str, ...]
        head, rest = path[0], path[1:]
        if head == "crate":
            here = ()
        elif head == "self":
            here = module
        elif head == "super":
            here = module[:-1]
            while rest and rest[0] == "super":
                here, rest = here[:-1], rest[1:]
        elif (*module, head) in self.modules:
            here, rest = (*module, head), path[1:]
        else:
            return None
        while rest and (*here, rest[0]) in self.modules:
            here, rest = (*here, rest[0]), rest[1:]
        if rest and depth < 8:
            for handed in self.handed_on[here]:
                if handed[-1] in (rest[0], "*"):
                    found = self.resolve(here, handed[:-1] + rest[:1], depth + 1)
                    if found is not None and found != here:
                        return found
        return here

    def of(self, module: tuple[str, ...]) -> set[tuple[str, ...]]:
        """Modules that `module` imports."""
        paths = self._uses(module, r"(?<!pub )(?<!\) )\buse ([^;]+);")
        body = re.sub(r"\buse [^;]+;", "", self.texts[module])
        paths += [path.split("::") for path in re.findall(r"\b(?:crate|super|self)(?:::\w+)+", body)]
        found = {self.resolve(module, path) for path in paths}
        return {other for other in found if other is not None and other != module}


def circles(graph: dict[tuple[str, ...], set[tuple[str, ...]]]) -> list[list[str]]:
    """Strongly connected parts of more than one node (Tarjan, 1972)."""
    index: dict[tuple[str, ...], int] = {}
    low: dict[tuple[str, ...], int] = {}
    stack: list[tuple[str, ...]] = []
    found: list[list[str]] = []

    def visit(node: tuple[str, ...]) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in graph.get(node, ()):
            if other not in index:
                visit(other)
            if other in stack:
                low[node] = min(low[node], low[other])
        if low[node] == index[node]:
            part = []
            while (last := stack.pop()) != node:
                part.append(last)
            if part:
                found.append(sorted("::".join(each) or "lib" for each in [*part, node]))

    for node in graph:
        if node not in index:
            visit(node)
    return found


def main() -> int:
    """Prints the circles; returns the exit status."""
    imports = Imports()
    files = {module: imports.of(module) for module in imports.modules}
    apart = {module: {other for other in found if other[:len(module)] != module} for module, found in files.items()}
    stages: dict[tuple[str, ...], set[tuple[str, ...]]] = {}
    for module, found in files.items():
        stages.setdefault(module[:1], set()).update(other[:1] for other in found if other[:1] != module[:1])
    arrows = sum(map(len, files.values()))
    counted = [("files", circles(apart)), ("stages", circles(stages))]
    print(f"{len(files)} files, {arrows} imports, {len(stages)} stages")
    for what, found in counted:
        print(f"circles of {what}: {len(found)}", *(f"  {' <-> '.join(circle)}" for circle in found), sep="\n")
    return 1 if any(found for _, found in counted) else 0


if __name__ == "__main__":
    sys.exit(main())
