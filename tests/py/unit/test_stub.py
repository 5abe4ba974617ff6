"""The stub and the module are the same, name by name and parameter by parameter."""

from __future__ import annotations

import ast
import builtins
import collections.abc
import inspect
import types
from pathlib import Path
from typing import Any

import pytest

from django_kafka import _native
from django_kafka.consumer import Consumer
from django_kafka.producer import Producer

STUB = ast.parse((Path(__file__).parents[3] / "django_kafka" / "_native.pyi").read_text())
ALL_CLASSES = {node.name: node for node in STUB.body if isinstance(node, ast.ClassDef)}
# What only type checkers know: the part of a class that others have too.
PARTS = {
    name: node for name, node in ALL_CLASSES.items() if "type_check_only" in map(ast.unparse, node.decorator_list)
}
CLASSES = {name: node for name, node in ALL_CLASSES.items() if name not in PARTS}
FUNCTIONS = {node.name: node for node in STUB.body if isinstance(node, ast.FunctionDef)}
CONSTANTS = {
    node.target.id for node in STUB.body if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
}


def members(node: ast.ClassDef) -> dict[str, ast.FunctionDef | ast.AnnAssign]:
    found: dict[str, ast.FunctionDef | ast.AnnAssign] = {}
    for base in node.bases:
        found |= members(PARTS[ast.unparse(base)]) if ast.unparse(base) in PARTS else {}
    for item in node.body:
        if isinstance(item, ast.FunctionDef):
            found[item.name] = item
        elif isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
            found[item.target.id] = item
    return found


def is_property(node: ast.FunctionDef) -> bool:
    return any(isinstance(mark, ast.Name) and mark.id == "property" for mark in node.decorator_list)


def stub_parameters(node: ast.FunctionDef) -> list[tuple[str, str, bool]]:
    """(name, kind, has a default) of each parameter but self."""
    args = node.args
    plain = [*args.posonlyargs, *args.args]
    optional = len(plain) - len(args.defaults)
    found = [
        (arg.arg, "positional only" if arg in args.posonlyargs else "plain", i >= optional)
        for i, arg in enumerate(plain)
    ]
    found += [
        (arg.arg, "keyword only", default is not None)
        for arg, default in zip(args.kwonlyargs, args.kw_defaults, strict=True)
    ]
    return [parameter for parameter in found if parameter[0] not in ("self", "cls")]


def real_parameters(function: Any) -> list[tuple[str, str, bool]]:
    kinds = {
        inspect.Parameter.POSITIONAL_ONLY: "positional only",
        inspect.Parameter.POSITIONAL_OR_KEYWORD: "plain",
        inspect.Parameter.KEYWORD_ONLY: "keyword only",
    }
    return [
        (name, kinds[parameter.kind], parameter.default is not parameter.empty)
        for name, parameter in inspect.signature(function).parameters.items()
        if name != "self"
    ]


def test_the_module_has_what_the_stub_has_and_nothing_else() -> None:
    real = {name for name in dir(_native) if not name.startswith("__")} | {"__version__"}
    assert real == set(CLASSES) | set(FUNCTIONS) | CONSTANTS


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_classes_have_the_members_of_the_stub(name: str) -> None:
    cls = getattr(_native, name)
    stub = dict.fromkeys(members(CLASSES[name]))
    for base in CLASSES[name].bases:
        if isinstance(
            base, ast.Subscript
        ):  # a protocol of collections.abc, whose methods a real class has as its own
            stub |= dict.fromkeys(vars(getattr(collections.abc, ast.unparse(base.value))))
            stub |= dict.fromkeys(dir(getattr(collections.abc, ast.unparse(base.value))))
    stub = {member: None for member in stub if not member.startswith("_") or member in members(CLASSES[name])}
    real = {
        member
        for member, value in vars(cls).items()
        if not (member.startswith("__") and member.endswith("__"))
        and (member in stub or not isinstance(value, types.MemberDescriptorType))
    }
    assert real == {member for member in stub if not (member.startswith("__") and member.endswith("__"))}
    for member in stub:
        assert hasattr(cls, member), member


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (cls, name)
        for cls, node in sorted(CLASSES.items())
        for name, item in members(node).items()
        if isinstance(item, ast.FunctionDef) and not name.startswith("__")
    ],
)
def test_members_have_the_parameters_of_the_stub(owner: str, name: str) -> None:
    node = members(CLASSES[owner])[name]
    assert isinstance(node, ast.FunctionDef)
    real = inspect.getattr_static(getattr(_native, owner), name)
    assert is_property(node) == isinstance(real, types.GetSetDescriptorType)
    assert real.__doc__
    if is_property(node):
        return
    stub = stub_parameters(node)
    found = real_parameters(getattr(getattr(_native, owner), name))
    # Methods with one argument take it by position only, which the stub leaves open.
    if len(found) == 1 and found[0][1] == "positional only":
        found = [(found[0][0], "plain", found[0][2])]
    assert found == stub


@pytest.mark.parametrize("name", ["Message", "Consumer", "Producer", "Broker"])
def test_constructors_have_the_parameters_of_the_stub(name: str) -> None:
    node = members(CLASSES[name])["__init__"]
    assert isinstance(node, ast.FunctionDef)
    assert real_parameters(getattr(_native, name)) == stub_parameters(node)


@pytest.mark.parametrize("face", [Consumer, Producer])
def test_the_face_passes_on_what_type_checkers_think_it_does(face: type) -> None:
    """Its own methods are what the stub's class has beside the part that is passed on, but for the engine's."""
    name = face.__name__
    passed_on = members(PARTS[f"_{name}Client"]).keys()
    own = members(CLASSES[name]).keys() - passed_on - {"fetch", "__enter__", "__exit__"}
    assert own <= vars(face).keys()
    assert not passed_on & vars(face).keys()


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_functions_have_the_parameters_of_the_stub(name: str) -> None:
    assert real_parameters(getattr(_native, name)) == stub_parameters(FUNCTIONS[name])


def test_final_classes_cannot_be_made_or_subclassed() -> None:
    for name, node in CLASSES.items():
        if any(isinstance(mark, ast.Name) and mark.id == "final" for mark in node.decorator_list):
            if "__init__" not in members(node):
                with pytest.raises(TypeError):
                    getattr(_native, name)()
            with pytest.raises(TypeError):
                type(name, (getattr(_native, name),), {})


def test_exceptions_have_the_bases_of_the_stub() -> None:
    for name, node in CLASSES.items():
        for base in node.bases:
            if isinstance(base, ast.Name) and base.id not in PARTS:
                expected = getattr(_native, base.id, None) or getattr(builtins, base.id)
                assert issubclass(getattr(_native, name), expected), name
