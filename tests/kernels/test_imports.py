"""Kernels stand below layers and models."""

import ast
from pathlib import Path

import pytest

import course_lib.kernels

FILES = sorted(Path(course_lib.kernels.__file__).parent.glob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_kernel_imports_neither_layers_nor_models(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    froms = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    wholes = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    own = {name for name in froms | wholes if name.startswith("course_lib")}
    assert own <= {"course_lib.checks", "course_lib.config", "course_lib.kernels", "course_lib.kernels.rowwise"}
