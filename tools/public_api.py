"""The public interface of the Rust library as a listing: `tools/public_api.py` writes `abi/rust.txt`, `--check` compares it.

Read from the pages that `cargo doc` writes: every item that they show with its declaration, every method, variant, field and
implemented trait, a line each. What is hidden there is not promised, and implementations that hold for every type are left
out. A line that goes or changes breaks programs that depend on the library; lines that come are additions.
"""

from __future__ import annotations

import difflib
import os
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LISTING = ROOT / "abi/rust.txt"
KINDS = ("struct", "enum", "trait", "fn", "constant", "type", "macro", "mod")
VOID = {"br", "hr", "img", "input", "link", "meta", "wbr"}
# implementations for every type, and those that the compiler finds
LEFT_OUT = {"synthetic-implementations-list", "blanket-implementations-list", "implementors-list", "foreign-impls"}
MEMBER = re.compile(r"(method|tymethod|variant|structfield|associatedconstant|associatedtype|impl)[.-]")


class Page(HTMLParser):
    """Declarations on a page of `cargo doc`."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[tuple[str, str, str]] = []
        self.text: list[str] | None = None
        self.depth = 0
        self.lines: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self.text is not None and tag in {"br", "div"}:
            self.text.append(" ")
        if tag in VOID:
            return
        given = {name: value or "" for name, value in attrs}
        self.open.append((tag, given.get("class", ""), given.get("id", "")))
        _, classes, own = self.open[-1]
        if self.text is None and not any(one in LEFT_OUT for _, _, one in self.open):
            starts = "item-decl" in classes or "code-header" in classes or MEMBER.match(own) and tag == "span"
            if starts and not self.of_a_trait():
                self.text, self.depth = [], len(self.open)

    def of_a_trait(self) -> bool:
        """Whether this is a method of an implemented trait, which the trait's own line stands for."""
        return sum("impl-items" in classes for _, classes, _ in self.open) > 0 and any(
            one == "trait-implementations-list" for _, _, one in self.open)

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if self.text is not None and len(self.open) == self.depth:
            line = " ".join("".join(self.text).split())
            if "item-decl" in self.open[-1][1] and not line.startswith("pub fn"):
                line = line.partition(" {")[0]  # the members have lines of their own
            if line and "StructuralPartialEq" not in line:
                self.lines.append(line.removeprefix("§"))
            self.text = None
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.text is not None and not any("src" in classes.split() or classes == "anchor" for _, classes, _ in self.open[self.depth:]):
            self.text.append(data)


def listing(folder: Path) -> list[str]:
    """Every public item with its members, a line each."""
    lines = []
    for path in sorted(folder.rglob("*.html")):
        kind, _, name = path.stem.partition(".")
        if kind not in KINDS or not name:
            continue
        place = "::".join([*path.relative_to(folder).parts[:-1], name])
        page = Page()
        page.feed(path.read_text())
        lines += [f"{place}: {line}" for line in dict.fromkeys(page.lines)]
    return lines


def main(check: bool) -> int:
    folder = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "doc/evscale_core"
    if not folder.is_dir():
        sys.exit(f"{folder} is not there; run `cargo doc --release --workspace --no-deps --locked` first")
    text = "\n".join(listing(folder)) + "\n"
    if not check:
        LISTING.write_text(text)
        return 0
    before = LISTING.read_text()
    sys.stdout.writelines(difflib.unified_diff(before.splitlines(True), text.splitlines(True), "abi/rust.txt", "the sources", n=0))
    if text != before:
        print("the public interface has changed: `make rust-api`, and a line in CHANGELOG.md if something goes or changes")
    return int(text != before)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] == ["--check"]))
