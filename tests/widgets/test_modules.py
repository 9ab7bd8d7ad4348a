"""JavaScript files become one module: in order, each once, with checked names."""

import re

import pytest

from course_lib.widgets import FIGURES, modules

FILES = {
    "hosts": 'import { a } from "./a.js";\nexport function anywidgetHost(mount) {\n  return a;\n}\n',
    "a": "export const a = 1;\n",
    "b": 'import { a } from "./a.js";\nexport function b() {\n  return a + 1;\n}\n',
    "entry": 'import { b } from "./b.js";\nimport { a } from "./a.js";\nexport function mount() {\n  b(a);\n}\n',
}


@pytest.fixture
def write(tmp_path):
    """A folder with FILES, some of them replaced."""

    def writer(**files):
        for name, text in (FILES | files).items():
            (tmp_path / f"{name}.js").write_text(text)
        return tmp_path

    return writer


def test_each_file_comes_once_after_those_that_it_imports(write):
    text = modules.module("entry", write())
    places = [text.index(part) for part in ("const a = 1", "anywidgetHost(mount) {", "function b", "function mount")]
    assert places == sorted(places) and text.count("const a = 1") == 1
    assert not re.search(r"^import ", text, re.MULTILINE) and text.endswith(modules.HOSTED)
    assert re.findall(r"^export .*", text, re.MULTILINE) == modules.HOSTED.strip().splitlines()[:2]


def test_style_sheets_follow_the_files(write, tmp_path):
    write()
    for name in ("entry", "b", "hosts"):
        (tmp_path / f"{name}.css").write_text(f".{name} {{}}")
    (tmp_path / "unused.css").write_text(".unused {}")
    assert modules.style_sheet("entry", tmp_path).split("\n") == [".hosts {}", ".b {}", ".entry {}"]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"b": 'import { none } from "./a.js";\n'}, "b.js imports none, which a.js does not export"),
        ({"a": 'import { b } from "./b.js";\nexport const a = 1;\n'}, "circle, got hosts -> a -> b -> a"),
        ({"a": "export const a = 1;\nfunction b() {}\n"}, "b must be declared in one file, got a.js and b.js"),
        ({"b": 'import { x } from "./missing.js";\n'}, "missing.js must be in"),
        ({"b": 'import { x } from "https://example.org/x.js";\n'}, "b.js: imports must read"),
        ({"b": 'import { x } from "../x.js";\n'}, "b.js: imports must read"),
        ({"b": 'import x from "./a.js";\n'}, "b.js: imports must read"),
        ({"b": "export { b };\n"}, "b.js: imports must read"),
        ({"b": "export default 1;\n"}, "b.js: imports must read"),
    ],
)
def test_what_it_refuses(write, files, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        modules.module("entry", write(**files))


@pytest.mark.parametrize("cls", FIGURES, ids=lambda cls: cls.__name__)
def test_names_that_a_file_uses_are_imported_or_its_own(cls):
    """Without import lines a name would still be found in the one scope, but not by an editor."""
    files = {name: modules.read(modules.STATIC, name) for name in modules.in_order(modules.STATIC, "hosts", cls.entry)}
    shared = {name: owner for owner, file in files.items() for name in file.exported if name != "mount"}
    for name, file in files.items():
        imported = {each for names in file.imports.values() for each in names}
        code = re.sub(r"/\*.*?\*/|//[^\n]*", "", file.text, flags=re.DOTALL)
        called = set(re.findall(r"(?<![\w.])(?:new )?(\w+)\(", code))
        methods = set(re.findall(r"^ +(\w+)\([^)]*\) \{$|^ +const (\w+) = ", code, re.MULTILINE))
        own = set(file.declared) | {each for pair in methods for each in pair}
        assert sorted((called & shared.keys()) - imported - own) == [], name
        unused = [each for each in imported if not re.search(rf"\b{each}\b", code)]
        assert unused == [], name
