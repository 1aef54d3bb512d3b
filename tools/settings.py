"""Writes the pages of settings and record fields: python tools/settings.py [--check].

docs/settings.md, and the parameters in the docstring of the Python class `Config` (evscale-py/src/config.rs). Both come
from what the compiled module says of itself; with --check they are compared with what would be written.
"""

from __future__ import annotations

import json
import re
import sys
import textwrap
from pathlib import Path
from typing import Any

import evscale

ROOT = Path(__file__).parents[1]
PAGE, CLASS = ROOT / "docs/settings.md", ROOT / "evscale-py/src/config.rs"
BEGIN, END = "/// Parameters\n/// ----------\n", "///\n/// Raises\n"
WIDTH = 110
INTRODUCTION = """# Settings and record fields

Made from `evscale-core/src` by `make reference`.

## Settings

Keys of the JSON configuration, and keyword arguments of `evscale.Config`. An end of a range that is a name is the value of
that setting. Unknown keys, values out of their range and values that contradict each other are refused.
"""
FIELDS = """
## Fields of a metrics record

Keys of the JSON record, and keyword arguments of `Autoscaler.observe`. The required fields have to be there, and those of
them that are numbers may be NaN (`null` in JSON) where they are not known; every other field may be missing. A number out of
its range is taken for unknown, and the record counts as repaired.
"""


def number(value: float) -> str:
    """Returns a number as people write it."""
    if value == round(value) and abs(value) < 1e9:
        return f"{value:,.0f}"
    return re.sub(r"e\+?(-?)0*", r"e\1", f"{value:g}")


def end(value: Any) -> str:
    """Returns an end of a range: a number, or the name of a setting."""
    return f"`{value}`" if isinstance(value, str) else number(value)


def interval(given: list[Any] | None) -> str:
    """Returns a range in words; empty where there is none."""
    if given is None:
        return ""
    low, high = given
    return f"{end(low)} or more" if high == sys.float_info.max else f"{end(low)} to {end(high)}"


def usual(default: Any) -> str:
    """Returns a default as in JSON; empty where there is none."""
    return "" if default is None else f"`{json.dumps(default)}`"


def documented(setting: dict[str, Any]) -> str:
    """Returns the meaning of a setting with its range, as the docstring has it."""
    words = setting["description"]
    return words if setting["range"] is None else f"{words} Range: {interval(setting['range'])}."


def docstring() -> str:
    """Returns the parameters of the class as Rust comments."""
    lines = []
    for setting in evscale.settings():
        lines += [f"/// {setting['name']}"]
        lines += [f"///     {line}" for line in textwrap.wrap(documented(setting), WIDTH, break_on_hyphens=False)]
    return "\n".join(lines) + "\n"


def page() -> str:
    """Returns docs/settings.md."""
    settings = [f"| `{one['name']}` | {one['description']} | {usual(one['default'])} "
                f"| {interval(one['range'])} |" for one in evscale.settings()]
    fields = [f"| `{one['name']}` | {one['description']} | {interval(one['range'])} | {'yes' if one['required'] else ''} |"
              for one in evscale.fields()]
    return "\n".join([INTRODUCTION, "| setting | meaning | default | range |", "|---|---|---|---|", *settings, FIELDS,
                      "| field | meaning | range | required |", "|---|---|---|---|", *fields]) + "\n"


def main() -> int:
    """Writes both, or reports which of them differs."""
    source = CLASS.read_text(encoding="utf-8")
    before, _, rest = source.partition(BEGIN)
    wanted = {CLASS: before + BEGIN + docstring() + END + rest.partition(END)[2], PAGE: page()}
    differing = [path for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path in differing:
        if "--check" in sys.argv:
            print(f"{path.relative_to(ROOT)} differs from what the settings give; run `make reference`", file=sys.stderr)
        else:
            path.write_text(wanted[path], encoding="utf-8")
    return int("--check" in sys.argv and bool(differing))


if __name__ == "__main__":
    sys.exit(main())
