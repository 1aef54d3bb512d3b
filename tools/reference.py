"""Writes docs/c-reference.md from include/evscale.h; with --check compares it with what would be written, with --man FOLDER
writes manual pages instead, one for the introduction and one for each function."""

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
            kind, stars, name = re.fullmatch(r"(.*?) (\**)(\w+);", line).groups()
            kind = f"{kind} {stars}".strip()
            yield f"| `{name}` | `{kind}` | {' '.join(meaning)} |"
            meaning = []


def functions_of(text):
    """Name, comment and declaration of every function."""
    inside = text.split('extern "C" {\n#endif // __cplusplus\n')[1].split("#ifdef __cplusplus")[0]
    for comment, code in commented(inside):
        code = code.removeprefix("EVSCALE_API").lstrip()
        yield re.search(r"(evscale_\w+)\(", code).group(1), comment, code


def statuses(name, comment, code):
    """The statuses that a function may return: by what it takes, and by what its comment tells."""
    if not code.startswith("int32_t") or name == "evscale_error_code" or name == "evscale_version_number":
        return []
    handle = re.search(r"struct evscale_(autoscaler|fleet|forecaster) \*\w", code)
    models = "evscale_bundle *bundle" in code or name == "evscale_preload"
    found = ["OK"]
    if name.endswith("_free"):
        return [*found, "BUSY"]
    rules = [
        ("NULL_POINTER", len(re.findall(r"\*", code)) > code.count("**error") * 2),
        ("BAD_UTF8", "const char *" in code and "*path" not in code or "const struct evscale_metrics *" in code),
        ("BAD_STRUCT_SIZE", re.search(r"evscale_(metrics|class_counts|observation|decision|totals) \*", code)),
        ("INVALID_ARGUMENT", "error" in code and re.search(r"const char \*|int32_t \w+,|int64_t|double|size_t \w*(count|length|threads)|uint32_t|_metrics \*", code)),
        ("BUFFER_TOO_SMALL", "capacity" in code and "needed" in code),
        ("UNKNOWN_POOL", "_fleet_" in name and re.search(r"\*keys?,", code) and name not in ("evscale_fleet_add", "evscale_fleet_restore", "evscale_fleet_has")),
        ("INVALID_CONFIG", "config_json" in code),
        ("INVALID_BUNDLE", models or "_bundle_load" in name or "_reconfigure" in name or name in ("evscale_fleet_add", "evscale_fleet_add_like", "evscale_fleet_restore")),
        ("INVALID_SNAPSHOT", "_restore" in name),
        ("STOPPED", re.search(r"evscale_(progress|snapshot)_callback", code)),
        ("PANIC", "error" in code),
        ("POISONED", handle),
        ("BUSY", handle or models),
    ]
    found += [status for status, holds in rules if holds]
    # what a function is like tells its statuses too
    comments = [comment, *(COMMENTS.get(other, "") for other in re.findall(r"[Ll]ike (evscale_\w+)", comment))]
    found += [status for status in re.findall(r"EVSCALE_([A-Z0-9_]+)", " ".join(comments)) if status in NAMED]
    order = {status: place for place, status in enumerate(["OK", *NAMED])}
    return sorted(set(found), key=order.__getitem__)


COMMENTS = {name: comment for name, comment, _ in functions_of(HEADER.read_text())}
NAMED = re.findall(r"#define EVSCALE_([A-Z0-9_]+) [1-6]\d\n", HEADER.read_text())


def page(text):
    constants, types, functions = [], [], []
    for comment, code in commented(text[text.index("// Version of this header as a text."):].split("#ifdef __cplusplus")[0]):
        if code.startswith("#define"):
            _, name, value = code.split(maxsplit=2)
            constants.append(f"| `{name}` | {value} | {comment} |")
        elif "{" in code:
            name = code.split()[2]
            types += [f"### {name}", comment, "\n".join(["| field | type | meaning |", "|---|---|---|", *field_rows(code)])]
        elif "(*" in code:
            name = re.search(r"evscale_\w+", code).group()
            types += [f"### {name}", f"```c\n{code}\n```", comment]
        else:
            types += [f"### {code.split()[2]}", comment]
    for name, comment, code in functions_of(text):
        returns = ", ".join(f"`EVSCALE_{code}`" for code in statuses(name, comment, code))
        functions += [f"### {name}", f"```c\n{code}\n```", comment, f"Returns {returns}." if returns else ""]
    table = "\n".join(["| name | value | meaning |", "|---|---|---|", *constants])
    parts = ["# C reference", "Made from `include/evscale.h` by `make header`.", *introduction(text),
             "## Constants", table, "## Types", *types, "## Functions", *functions]
    return "\n\n".join(part for part in parts if part) + "\n"


def manual(name, parts, version):
    """A manual page; backslashes and leading dots mean something to troff."""
    lines = [f'.TH {name} 3 "" "evscale {version}" "evscale"']
    for title, text in parts:
        escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("`", "")
        body = "\n".join("\\&" + line if line.startswith((".", "'")) else line for line in escaped.splitlines())
        lines += [f".SH {title}", f".nf\n{body}\n.fi" if title == "SYNOPSIS" else body.replace("\n\n", "\n.PP\n")]
    return "\n".join(lines) + "\n"


def manuals(text, folder):
    folder.mkdir(parents=True, exist_ok=True)
    version = re.search(r'EVSCALE_VERSION_STRING "(.*)"', text).group(1)
    first, *rest = introduction(text)
    functions = list(functions_of(text))
    pages = {"evscale": [("NAME", "evscale - embeddable predictive autoscaler"), ("SYNOPSIS", "#include <evscale.h>"),
                         ("DESCRIPTION", "\n\n".join([first, *rest]).replace("**", "")),
                         ("SEE ALSO", ", ".join(f"{name}(3)" for name, _, _ in functions))]}
    for name, comment, code in functions:
        summary = re.split(r"[.;:(]", comment)[0].strip()
        found = statuses(name, comment, code)
        pages[name] = [("NAME", f"{name} - {summary}"), ("SYNOPSIS", f"#include <evscale.h>\n\n{code}"), ("DESCRIPTION", comment)]
        pages[name] += [("RETURN VALUE", ", ".join(f"EVSCALE_{status}" for status in found) + ".")] if found else []
        pages[name] += [("SEE ALSO", "evscale(3)")]
    for name, parts in pages.items():
        (folder / f"{name}.3").write_text(manual(name, parts, version))


def main():
    if "--man" in sys.argv:
        return manuals(HEADER.read_text(), Path(sys.argv[sys.argv.index("--man") + 1]))
    wanted = page(HEADER.read_text())
    if "--check" not in sys.argv:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(wanted)
    elif not PAGE.exists() or PAGE.read_text() != wanted:
        sys.exit(f"{PAGE.relative_to(ROOT)} differs from what include/evscale.h gives; run `make header`")


if __name__ == "__main__":
    main()
