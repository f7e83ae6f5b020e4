"""The bodies of statements that a log admitted, made again without checking them again.

A body was validated by its model before it was logged, and its bytes are held against their leaf hash when
they are read; so the model is filled from the JSON members alone, which takes half of the time or less. The
result equals what `parse_body` gives, as long as models only grow by optional members.
"""

import types
from collections.abc import Callable
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from ledger.domain.fields import Body
from ledger.domain.kinds import Kind, parse_body

_Build = Callable[[Any], Any]


class _Unfit(Exception):
    """The members are not those of the model: it is to be validated, and says why."""


def admitted_body(kind: Kind, members: dict[str, Any]) -> Body:
    """The body with these members; what does not look like one is left to `parse_body` and its errors."""
    try:
        body: Body = _builder(kind.model)(members)
    except _Unfit:
        return parse_body(kind, members)
    return body


@cache
def _builder(model: type[BaseModel]) -> _Build:
    """How an instance is made of its JSON members."""
    fields = model.model_fields
    template = {name: field.get_default(call_default_factory=True) for name, field in fields.items()}
    required = frozenset(field.alias or name for name, field in fields.items() if field.is_required())
    allowed = frozenset(field.alias or name for name, field in fields.items())
    renamed = [(field.alias, name) for name, field in fields.items() if field.alias]
    nested = [
        (name, build)
        for name, field in fields.items()
        if (build := _builder_of(field.annotation)) is not None
    ]
    new, place = model.__new__, object.__setattr__

    def build_model(members: Any) -> BaseModel:
        # A member may also be given under its own name, not the alias: that is left to validation.
        if type(members) is not dict or not required <= members.keys() <= allowed:
            raise _Unfit
        values = template | members
        given = set(members)
        for alias, name in renamed:
            if alias in members:
                values[name] = values.pop(alias)
                given.remove(alias)
                given.add(name)
        for name, build in nested:
            value = values[name]
            if value is not None:
                values[name] = build(value)
        made = new(model)
        place(made, "__dict__", values)
        place(made, "__pydantic_fields_set__", given)
        place(made, "__pydantic_extra__", None)
        place(made, "__pydantic_private__", None)
        return made

    return build_model


def _builder_of(annotation: Any) -> _Build | None:
    """How a member's value is made; None where JSON's own value stands."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _builder_of(get_args(annotation)[0])
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _builder(annotation)
    if origin is list:
        item = _builder_of(get_args(annotation)[0])
        return None if item is None else lambda values: [item(value) for value in values]
    if origin in (Union, types.UnionType):
        return _builder_of_union([each for each in get_args(annotation) if each is not type(None)])
    return None


def _builder_of_union(members: list[Any]) -> _Build | None:
    if len(members) == 1:
        return _builder_of(members[0])
    models = [_bare(member) for member in members]
    if not all(isinstance(model, type) and issubclass(model, BaseModel) for model in models):
        return None
    by_type = {_type_of(model): _builder(model) for model in models}

    def build(value: Any) -> Any:
        chosen = by_type.get(value.get("type") if type(value) is dict else None)
        if chosen is None:
            raise _Unfit
        return chosen(value)

    return build


def _bare(annotation: Any) -> Any:
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def _type_of(model: type[BaseModel]) -> Any:
    """The one value of the member `type` that tells the models of a union apart."""
    annotation = model.model_fields["type"].annotation
    assert get_origin(annotation) is Literal, f"{model.__name__} has no type of its own"
    (value,) = get_args(annotation)
    return value
