"""Refusals for what the caller did: each is an error class of the client's own."""

import openai

from clients import client, client_with
from expect import chat, holding, refused


def get(path: str) -> object:
    """What the client has no method for."""
    return client.get(path, cast_to=object)


def bad_requests() -> None:
    """400 BadRequestError, naming the field"""
    tool = {"name": "a", "parameters": {"type": "objekt"}}
    wrong: list[tuple[str, dict[str, object]]] = [
        ("messages", {"messages": []}),
        ("messages[0].role", {"messages": [{"role": "wizard", "content": "x"}]}),
        ("messages[0].content", {"messages": [{"role": "user"}]}),
        ("temperature", {"temperature": 9}),
        ("tools[0].function.name", {"tools": [{"type": "function", "function": {"name": "a b"}}]}),
        ("tools[0].function.parameters.type", {"tools": [{"type": "function", "function": tool}]}),
    ]
    for param, fields in wrong:
        error = refused(openai.BadRequestError, chat, client, **fields)
        assert (error.param, error.type) == (param, "invalid_request_error"), error.body
    refused(openai.BadRequestError, client.embeddings.create, model="demo-embedding", input=[])


def unauthenticated() -> None:
    """401 AuthenticationError: what is no key, one that never was, and a revoked one"""
    unknown, revoked = holding("EDGELOOM_KEY_UNKNOWN"), holding("EDGELOOM_KEY_REVOKED")
    for by in (client_with("el_live_nonsense"), unknown, revoked):
        error = refused(openai.AuthenticationError, chat, by)
        assert (error.code, error.type) == ("invalid_api_key", "authentication_error"), error.body
        refused(openai.AuthenticationError, by.models.list)


def without_scope() -> None:
    """403 PermissionDeniedError: a key without the scope"""
    by = holding("EDGELOOM_KEY_WITHOUT_SCOPE")
    error = refused(openai.PermissionDeniedError, chat, by)
    assert error.type == "permission_error", error.body
    refused(openai.PermissionDeniedError, by.embeddings.create, model="demo-embedding", input="x")
    assert list(by.models.list()), "which it may"


def not_found() -> None:
    """404 NotFoundError: a model that nobody serves, and no such path"""
    error = refused(openai.NotFoundError, chat, client, model="nobody-serves-this")
    assert error.code == "model_not_found", error.body
    refused(openai.NotFoundError, client.models.retrieve, "nobody")
    refused(openai.NotFoundError, get, "/nowhere")


def other_statuses() -> None:
    """405 and 413, which have no class of their own: APIStatusError"""
    error = refused(openai.APIStatusError, get, "/chat/completions")
    assert (error.status_code, error.code) == (405, "method_not_allowed"), error.body
    messages = [{"role": "user", "content": "x" * 10 * 1024 * 1024}]
    error = refused(openai.APIStatusError, chat, client, messages=messages)
    assert (error.status_code, error.code) == (413, "body_too_large"), error.body


CHECKS = [bad_requests, unauthenticated, without_scope, not_found, other_statuses]
