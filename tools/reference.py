"""Writes docs/c-reference.md from include/evscale.h; with --check compares it with what would be written."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
HEADER, PAGE = ROOT / "include/evscale.h", ROOT / "docs/c-reference.md"


def commented(text):
    """Declarations with the comment in front of each, in their order."""
    comment, code = [], []
    for line in text.splitlines():
        if line.startswith("//"):
            comment.append(line[2:].strip())
        elif line.strip():
            code.append(line)
            if line.startswith(("#define", "}")) or line.endswith(");") or re.fullmatch(r"typedef .*;", line):
                yield " ".join(comment), "\n".join(code)
                comment, code = [], []


def introduction(text):
    inside = re.search(r"/\*(.*?)\*/", text, re.DOTALL).group(1)
    lines = [line.removeprefix(" *").strip() for line in inside.splitlines()]
    paragraphs = [" ".join(part.split("\n")) for part in "\n".join(lines).split("\n\n")]
    return [re.sub(r"^([A-Z][A-Za-z ]+):", r"**\1:**", part) for part in paragraphs if not part.startswith("Generated")]


def field_rows(code):
    meaning = []
    for line in code.splitlines()[1:-1]:
        line = line.strip()
        if line.startswith("//"):
            meaning.append(line[2:].strip())
        else:
            kind, name = line.rstrip(";").rsplit(" ", 1)
            yield f"| `{name}` | `{kind}` | {' '.join(meaning)} |"
            meaning = []


def page(text):
    constants, types, functions = [], [], []
    for comment, code in commented(text[text.index("#include <stddef.h>") + 19:].split("#ifdef __cplusplus")[0]):
        if code.startswith("#define"):
            _, name, value = code.split()
            constants.append(f"| `{name}` | {value} | {comment} |")
        elif "{" in code:
            name = code.split()[2]
            types += [f"### {name}", comment, "\n".join(["| field | type | meaning |", "|---|---|---|", *field_rows(code)])]
        else:
            types += [f"### {code.split()[2]}", comment]
    for comment, code in commented(text.split('extern "C" {\n#endif // __cplusplus\n')[1].split("#ifdef __cplusplus")[0]):
        name = re.search(r"(evscale_\w+)\(", code).group(1)
        functions += [f"### {name}", f"```c\n{code}\n```", comment]
    table = "\n".join(["| name | value | meaning |", "|---|---|---|", *constants])
    parts = ["# C reference", "Made from `include/evscale.h` by `make header`.", *introduction(text),
             "## Constants", table, "## Types", *types, "## Functions", *functions]
    return "\n\n".join(part for part in parts if part) + "\n"


def main():
    wanted = page(HEADER.read_text())
    if "--check" not in sys.argv:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(wanted)
    elif not PAGE.exists() or PAGE.read_text() != wanted:
        sys.exit(f"{PAGE.relative_to(ROOT)} differs from what include/evscale.h gives; run `make header`")


if __name__ == "__main__":
    main()
