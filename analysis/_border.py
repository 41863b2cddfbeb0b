"""What a person can call refuses what it cannot take in a sentence, before it begins.

A room's door hands out its functions through `at_the_door`, so that inside the room they call each
other without it. What an argument may be is read from its annotation.
"""

import inspect
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from importlib import import_module
from importlib.util import find_spec
from numbers import Integral, Real
from typing import Any, Literal, TypeVar, Union

from analysis.errors import LianjianError, UnknownNameError, did_you_mean

Function = TypeVar("Function", bound=Callable[..., Any])
Kind = TypeVar("Kind")

_SHOWN = 60
_NUMBERS: dict[type, type] = {float: Real, int: Integral}
_PLAIN = {"float": "a number", "int": "a whole number", "str": "a text"}
_HINTS = {
    "DataFrame/Dataset": "Give one of its tables: data.panel.",
    "Panel/DataFrame": "effects.make_panel(frame, outcome) makes one of it; "
    "effects.study(data, outcome) does all at once.",
    "Panel/Dataset": "effects.study(data, outcome) takes a dataset.",
    "Estimate/Study": "Give one of its answers: study.preferred().",
    "EffectSeries/Study": "Give one of its answers: study.event_study().",
}


def at_the_door(function: Function, *, of_kind: bool = True) -> Function:
    """Return the function with its arguments checked, where asked against their annotations."""
    signature = inspect.signature(function)
    name = "[…]" if function.__name__ == "__getitem__" else function.__name__

    @wraps(function)
    def checked(*given: object, **named: object) -> Any:
        try:
            bound = signature.bind(*given, **named)
        except TypeError as error:
            raise LianjianError(_unbound(name, signature, named, error)) from None
        for argument, value in bound.arguments.items():
            parameter = signature.parameters[argument]
            is_many = parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}
            unsaid = parameter.annotation is parameter.empty or not of_kind
            if is_many or unsaid or value is parameter.default:
                continue
            if not _fits(value, parameter.annotation):
                raise LianjianError(_refusal(f"{name}: {argument}", value, parameter.annotation))
        return function(*given, **named)

    return typing.cast("Function", checked)


def with_doors(kind: type[Kind]) -> type[Kind]:
    """Let each method of a class that takes something refuse what it cannot take in a sentence."""
    for name, value in list(vars(kind).items()):
        is_door = inspect.isfunction(value) and (not name.startswith("_") or name == "__getitem__")
        if is_door and len(inspect.signature(value).parameters) > 1:
            setattr(kind, name, at_the_door(value))
    return kind


def open_doors(room: dict[str, Any], *, of_kind: bool = True) -> None:
    """Let all that a room exports, functions and what classes can do, refuse in a sentence."""
    for name in room["__all__"]:
        value = room[name]
        if inspect.isfunction(value):
            room[name] = at_the_door(value, of_kind=of_kind)
        elif of_kind and inspect.isclass(value):
            with_doors(value)


def no_such_name(
    room: str, name: str, known: Iterable[str], rooms: Iterable[str] = ()
) -> UnknownNameError:
    """Say that a room has no such name, which other room has it, or which name comes near."""
    # Python asks for what it is about to import as well
    is_asked = not name.startswith("_") and find_spec(f"{room}.{name}") is None
    hint = did_you_mean(name, known) if is_asked else ""
    for other in rooms if is_asked else ():
        if name in import_module(other).__all__:
            hint = f" It stands in another room: from {other} import {name}"
    return UnknownNameError(f"module {room!r} has no attribute {name!r}.{hint}")


def _unbound(
    name: str, signature: inspect.Signature, named: Mapping[str, object], error: TypeError
) -> str:
    """Say which argument is unknown or missing."""
    known = [one for one in signature.parameters if one != "self"]
    argument_names = ", ".join(known)
    for argument in named:
        if argument not in known:
            hint = did_you_mean(argument, known)
            return f"{name} has no argument {argument!r}.{hint} It takes {argument_names}."
    return f"{name}: {error}. It takes {argument_names}."


def _refusal(argument_names: str, value: object, annotation: object) -> str:
    wanted, given = _named(annotation), type(value).__name__
    is_twin = isinstance(annotation, type) and given == annotation.__name__
    hint = _HINTS.get(f"{wanted.split()[-1]}/{given}", "")
    origin = typing.get_origin(annotation)
    if origin in {Mapping, dict}:
        hint = "It is written {name: what it holds}."
    elif isinstance(value, str) and _is_listing(origin):
        fits = _fits(value, typing.get_args(annotation)[0])
        hint = f"Put it in brackets: [{value!r}]." if fits else ""
    elif isinstance(value, str):
        hint = did_you_mean(value, _words(annotation)).strip()
    one, hint = _article(given), f" {hint}" if hint else ""
    if is_twin:
        return f"{argument_names} takes {wanted}, and was given one of another kind."
    if len(repr(value)) > _SHOWN:
        return f"{argument_names} takes {wanted}, and was given {one}.{hint}"
    return f"{argument_names} takes {wanted}, and was given {one}, {value!r}.{hint}"


def _words(annotation: object) -> list[str]:
    """Return the texts of which one is wanted, if it is one of several."""
    inside = typing.get_args(annotation)
    if typing.get_origin(annotation) is Literal:
        return [word for word in inside if isinstance(word, str)]
    return [word for one in inside for word in _words(one)]


def _article(type_names: str) -> str:
    return f"{'an' if type_names[0] in 'AEIOUaeiou' else 'a'} {type_names}"


def _is_listing(origin: object) -> bool:
    """Whether a list is wanted, of which a text would be taken letter by letter."""
    return isinstance(origin, type) and origin is not tuple and issubclass(origin, Iterable)


def _named(annotation: object) -> str:
    """Say what an argument takes."""
    origin, inside = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation is None or annotation is type(None):
        return "nothing"
    if origin in {Union, types.UnionType}:
        return " or ".join(_named(one) for one in inside)
    if origin is Literal:
        choice_names = ", ".join(map(repr, inside))
        return f"one of these: {choice_names}"
    if origin is not None:
        return _named_parts(origin, inside)
    names = [part.strip().rsplit(".", 1)[-1] for part in _bare(annotation).split("|")]
    return " or ".join(_PLAIN.get(name, _article(name)) for name in names)


def _named_parts(origin: object, inside: Sequence[object]) -> str:
    if origin is Callable:
        return "a function"
    if origin is tuple:
        return f"{len(inside)} values"
    several = {"float": "numbers", "int": "whole numbers", "str": "texts"}
    of = several.get(_bare(inside[-1]), _bare(inside[-1]))
    return f"a mapping to {of}" if origin in {Mapping, dict} else f"a list of {of}"


def _bare(annotation: object) -> str:
    if isinstance(annotation, typing.ForwardRef):
        return annotation.__forward_arg__
    return getattr(annotation, "__name__", None) or str(annotation).strip("'\"")


def _fits(value: object, annotation: Any) -> bool:
    """Whether a value can be what an annotation says; what cannot be told passes."""
    origin = typing.get_origin(annotation)
    if annotation is Any:
        return True
    if isinstance(annotation, str | typing.ForwardRef):
        return _fits_name(value, _bare(annotation))
    if origin is not None:
        return _fits_parts(value, origin, typing.get_args(annotation))
    if annotation in {float, int}:
        return isinstance(value, _NUMBERS[annotation]) and not isinstance(value, bool)
    if not isinstance(annotation, type) or getattr(annotation, "_is_protocol", False):
        return annotation is not None or value is None
    return isinstance(value, annotation)


def _fits_parts(value: Any, origin: Any, inside: tuple[Any, ...]) -> bool:
    """Compare with an annotation in brackets, and what is in the value with what stands in them."""
    if origin in {Union, types.UnionType}:
        return any(_fits(value, one) for one in inside)
    if origin is Literal:
        return not isinstance(value, str) or value in inside
    if origin in {Mapping, dict}:
        return isinstance(value, Mapping) and all(_fits(one, inside[-1]) for one in value.values())
    if origin is tuple:
        sized = ... in inside or (hasattr(value, "__len__") and len(value) == len(inside))
        return sized and isinstance(value, Sequence) and not isinstance(value, str)
    if origin is Callable:
        return callable(value)
    return _fits_listing(value, origin, inside)


def _fits_listing(value: object, origin: Any, inside: tuple[Any, ...]) -> bool:
    if not isinstance(origin, type):
        return True
    if not issubclass(origin, Iterable) or origin.__module__ == "numpy":
        return type(value).__name__ not in {"NoneType", "str", "dict", "Dataset"}
    is_listing = isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping)
    if not is_listing or type(value).__name__ in {"DataFrame", "Dataset"}:
        return False
    return not isinstance(value, list | tuple) or all(_fits(one, inside[0]) for one in value)


def _fits_name(value: object, annotation: str) -> bool:
    """Compare with a class that is known by name alone: naming it need not import its room."""
    known = {kind.__name__ for kind in type(value).__mro__}
    parts = [part.strip().split("[")[0].rsplit(".", 1)[-1] for part in annotation.split("|")]
    classes = [part for part in parts if part[:1].isupper()]
    if len(classes) < len(parts) and not (value is None and "None" in parts):
        return True
    return (value is None and "None" in parts) or bool(known & set(classes)) or "Any" in classes
