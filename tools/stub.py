"""Writes the docstrings of the compiled module, and the settings as attributes, into its stub: python tools/stub.py [--check]."""

from __future__ import annotations

import ast
import sys
import textwrap
from pathlib import Path

import evscale
from evscale import _evscale

STUB = Path(__file__).parents[1] / "python/evscale/_evscale.pyi"
BEGIN, END = "    # settings as attributes, written by tools/stub.py", "    # end of the settings"


def bare(source: str) -> str:
    """Returns the stub without the docstrings of functions and classes."""
    lines = source.splitlines()
    for node in sorted(documentable(ast.parse(source)), key=lambda node: -node.body[0].lineno):
        first = node.body[0]
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
            lines[first.lineno - 1:first.end_lineno] = []
            if len(node.body) == 1:
                lines[first.lineno - 2] += " ..."
    return "\n".join(lines) + "\n"


def documentable(tree: ast.Module) -> list[ast.ClassDef | ast.FunctionDef]:
    """Returns the classes, functions and methods of a stub."""
    return [node for node in ast.walk(tree) if isinstance(node, (ast.ClassDef, ast.FunctionDef))]


def doc_of(path: list[str]) -> str | None:
    """Returns the docstring of a name of the compiled module."""
    thing = vars(_evscale).get(path[0])
    if len(path) == 2:
        if path[1].startswith("__"):
            return None
        thing = vars(thing).get(path[1])
        thing = getattr(thing, "__func__", thing)
    return None if thing is None else thing.__doc__


def documented(source: str) -> str:
    """Returns the stub with docstrings."""
    lines = source.splitlines()
    tree = ast.parse(source)
    named = [([node.name], node) for node in tree.body if isinstance(node, (ast.ClassDef, ast.FunctionDef))]
    named += [([owner.name, node.name], node) for owner in tree.body if isinstance(owner, ast.ClassDef)
              for node in owner.body if isinstance(node, ast.FunctionDef)]
    # from the end on, and a method on one line before the class that it is the first of
    for path, node in sorted(named, key=lambda item: (-first_line(item[1]), -len(item[0]))):
        text = doc_of(path)
        if not text:
            continue
        indent = " " * (node.col_offset + 4)
        body = textwrap.dedent(text).strip().replace("\\", "\\\\")
        quote = ['"""' + body + '"""'] if "\n" not in body else ['"""' + body, '"""']
        block = textwrap.indent("\n".join(quote), indent, lambda line: bool(line.strip()))
        at = first_line(node) - 1
        if isinstance(node.body[0], ast.Expr) and lines[at].endswith(" ..."):
            lines[at] = lines[at].removesuffix(" ...")
            lines.insert(at + 1, block)
        else:
            lines.insert(at, block)
    return "\n".join(lines) + "\n"


def first_line(node: ast.ClassDef | ast.FunctionDef) -> int:
    """Returns the line on which the body begins, with the decorators of its first part."""
    first = node.body[0]
    return min([first.lineno, *(one.lineno for one in getattr(first, "decorator_list", ()))])


def with_settings(source: str) -> str:
    """Returns the stub with a property per setting of the configuration."""
    tree = ast.parse(source)
    config = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Config")
    new = next(node for node in config.body if isinstance(node, ast.FunctionDef) and node.name == "__new__")
    usual = evscale.Config().to_dict()
    block = [BEGIN]
    for argument in new.args.kwonlyargs:
        kind = ast.unparse(argument.annotation) if argument.annotation else "Any"
        kind = kind if usual[argument.arg] is None else kind.removesuffix(" | None")
        kind = "list[str]" if argument.arg == "holidays" else kind
        block += ["    @property", f"    def {argument.arg}(self) -> {kind}: ..."]
    before, _, rest = source.partition(BEGIN)
    return before + "\n".join([*block, END]) + rest.partition(END)[2]


def main() -> int:
    """Writes the stub, or tells whether it is as it would be written."""
    before = STUB.read_text(encoding="utf-8")
    after = documented(with_settings(bare(before)))
    if "--check" in sys.argv:
        if after != before:
            print("python/evscale/_evscale.pyi is not as python tools/stub.py writes it", file=sys.stderr)
        return int(after != before)
    STUB.write_text(after, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
