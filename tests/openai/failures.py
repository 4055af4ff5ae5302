"""What fails at the provider, and limits: theirs and ours."""

import openai

from clients import HELLO, MODEL, client
from expect import chat, holding, refused


def told_by_provider() -> None:
    """400, 404 and 422 UnprocessableEntityError in the provider's words"""
    classes: list[tuple[int, type[openai.APIStatusError]]] = [
        (400, openai.BadRequestError),
        (404, openai.NotFoundError),
        (422, openai.UnprocessableEntityError),
    ]
    for status, expected in classes:
        for stream in (False, True):
            error = refused(expected, chat, client, model=f"fail-{status}", stream=stream)
            assert "Told by the provider" in error.message
            assert (error.param, error.code) == ("messages", "as_told"), error.body


def provider_limits() -> None:
    """429 RateLimitError: the provider's, with its Retry-After"""
    error = refused(openai.RateLimitError, chat, client, model="fail-429")
    assert (error.code, error.type) == ("rate_limit_exceeded", "rate_limit_error"), error.body
    assert error.response.headers["retry-after"] == "60"


def own_limits() -> None:
    """429 RateLimitError: the key's own, with OpenAI's headers"""
    by = holding("EDGELOOM_KEY_LIMITED")
    raw = by.chat.completions.with_raw_response.create(model=MODEL, messages=HELLO)
    assert raw.headers["x-ratelimit-limit-requests"] == "1"
    assert raw.headers["x-ratelimit-remaining-requests"] == "0"
    assert raw.parse().choices[0].message.content
    error = refused(openai.RateLimitError, chat, by)
    assert error.code == "rate_limit_exceeded", error.body
    # The window slides: a minute's calls weigh on the next minute, too.
    seconds = error.response.headers["retry-after"]
    assert 0 < int(seconds) <= 120, seconds


def tries_again() -> None:
    """429 is met by the client itself: one more try, after as long as Retry-After says"""
    by = holding("EDGELOOM_KEY_SLOW", max_retries=5)
    tries = [by.models.with_raw_response.list().retries_taken for _ in range(2)]
    assert tries == [0, 1], tries


def provider_failures() -> None:
    """5xx InternalServerError: the provider fails, is overloaded, refuses our key"""
    for status in (500, 503, 401):
        error = refused(openai.InternalServerError, chat, client, model=f"fail-{status}")
        assert error.status_code == 502 and error.code == "provider_error", error.body
        assert error.request_id
    refused(openai.InternalServerError, client.embeddings.create, model="fail-500", input="x")


def broken_stream() -> None:
    """a stream that breaks off raises APIError after what came of it"""
    text = ""

    def read() -> None:
        nonlocal text
        for chunk in client.chat.completions.create(
            model="break-off", messages=HELLO, stream=True
        ):
            text += chunk.choices[0].delta.content or ""

    error = refused(openai.APIError, read)
    assert text == "Some words" and error.code == "provider_error", error.body


CHECKS = [
    told_by_provider,
    provider_limits,
    own_limits,
    tries_again,
    provider_failures,
    broken_stream,
]
