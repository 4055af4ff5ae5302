"""What the checks of errors have in common."""

import os
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import openai

from clients import HELLO, MODEL, client_with

Error = TypeVar("Error", bound=openai.APIError)
Params = ParamSpec("Params")


def refused(
    expected: type[Error],
    call: Callable[Params, object],
    *args: Params.args,
    **fields: Params.kwargs,
) -> Error:
    """The error of exactly this class that the call raises."""
    try:
        answer = call(*args, **fields)
    except expected as error:
        assert type(error) is expected, repr(error)
        return error
    raise AssertionError(f"no {expected.__name__}, but {answer}")


def chat(by: openai.OpenAI, **fields: object) -> object:
    """A chat, which these fields may make a wrong one."""
    body = {"model": MODEL, "messages": HELLO, **fields}
    return by.post("/chat/completions", body=body, cast_to=object)


def holding(variable: str, max_retries: int = 0) -> openai.OpenAI:
    """A client with the key of this variable."""
    return client_with(os.environ[variable], max_retries)
