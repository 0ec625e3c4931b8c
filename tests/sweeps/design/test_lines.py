"""Lines of keys: of every way in which TOML lets a key be written."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from methexis.sweeps.design.lines import KeyPath, key_lines

TRICKY = '''\
# [no] = "table"
name = "a # b" # c
long = """
[not.a.table]
key = 1
ends with quotes""""
literal = \'\'\'
x = "\'\'\'
"dotted.key" = 1
a.b . c = [ # comment ]
  1,
  [2, 3],
  { inner = 4, "other one" = [5,
     6] },
]
[table]
"escaped \\" key" = 'C:\\path'
date = 1979-05-27T07:32:00Z
[[students]]
width = 4
[students.view]
x = 1
[[students]]
inline = { a = 1, b = { c = "}" } }
[[students.layers]]
[[students.layers]]
y = 2
'''
EXPECTED: dict[KeyPath, int] = {
    ("name",): 2,
    ("long",): 3,
    ("literal",): 7,
    ("dotted.key",): 9,
    ("a", "b", "c"): 10,
    ("a", "b", "c", 0): 11,
    ("a", "b", "c", 1, 1): 12,
    ("a", "b", "c", 2, "inner"): 13,
    ("a", "b", "c", 2, "other one", 1): 14,
    ("table",): 16,
    ("table", 'escaped " key'): 17,
    ("table", "date"): 18,
    ("students",): 19,
    ("students", 0, "width"): 20,
    ("students", 0, "view", "x"): 22,
    ("students", 1): 23,
    ("students", 1, "inline", "b", "c"): 24,
    ("students", 1, "layers", 1, "y"): 27,
}


def paths(value: Any, path: KeyPath = ()) -> list[KeyPath]:
    """The paths of all values that `tomllib` finds."""
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    every: list[KeyPath] = []
    for key, one in inside:
        every.append((*path, key))
        every += paths(one, (*path, key)) if isinstance(one, dict | list) else []
    return every


@pytest.mark.parametrize("path", EXPECTED)
def test_the_line_of_a_key(path: KeyPath) -> None:
    assert key_lines(TRICKY)[path] == EXPECTED[path]


@pytest.mark.parametrize("text", [TRICKY, "", "# nothing", "a = 1", "[t]\n[t.u]\nk.l = []\r\n"])
def test_no_key_is_missed(text: str) -> None:
    lines = key_lines(text)
    assert set(paths(tomllib.loads(text))) <= lines.keys()
    assert all(1 <= line <= text.count("\n") + 1 for line in lines.values())
