"""Chats as they are answered: whole, in parts, with usage, asynchronously, in JSON."""

import asyncio

from openai import AsyncOpenAI
from pydantic import BaseModel, Field

from clients import BASE_URL, HELLO, KEY, MODEL, PROMPT, client


def chat() -> None:
    """a chat, with its usage and the id of its request"""
    answer = client.chat.completions.create(model=MODEL, messages=HELLO)
    assert answer.object == "chat.completion" and answer.model == MODEL
    [choice] = answer.choices
    text = choice.message.content or ""
    assert text.startswith("[demo model] ") and text.endswith(PROMPT), text
    assert choice.finish_reason == "stop"
    usage = answer.usage
    assert usage and usage.prompt_tokens > 0 and usage.completion_tokens > 0
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    assert answer._request_id, "x-request-id"


def several_answers() -> None:
    """several answers, and one that is cut short"""
    answer = client.chat.completions.create(model=MODEL, messages=HELLO, n=3)
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    short = client.chat.completions.create(model=MODEL, messages=HELLO, max_tokens=2)
    assert short.choices[0].finish_reason == "length"


def stream() -> None:
    """a streamed chat: its parts are the whole answer, and no usage comes unasked"""
    whole = client.chat.completions.create(model=MODEL, messages=HELLO)
    chunks = list(client.chat.completions.create(model=MODEL, messages=HELLO, stream=True))
    assert all(chunk.object == "chat.completion.chunk" for chunk in chunks)
    assert not any("usage" in chunk.model_fields_set for chunk in chunks)
    parts = [chunk.choices[0].delta.content or "" for chunk in chunks]
    assert len(parts) > 5 and "".join(parts) == whole.choices[0].message.content
    assert chunks[-1].choices[0].finish_reason == "stop"


def stream_with_usage() -> None:
    """a streamed chat with usage: last, without a choice, and null before"""
    *chunks, last = client.chat.completions.create(
        model=MODEL,
        messages=HELLO,
        stream=True,
        stream_options={"include_usage": True},
    )
    whole = client.chat.completions.create(model=MODEL, messages=HELLO)
    assert last.choices == [] and last.usage and whole.usage
    assert last.usage.completion_tokens == whole.usage.completion_tokens > 0
    for chunk in chunks:
        assert "usage" in chunk.model_fields_set and chunk.usage is None


def asynchronous() -> None:
    """the asynchronous client: a chat and a stream at once"""

    async def read_stream(caller: AsyncOpenAI) -> str:
        chunks = await caller.chat.completions.create(model=MODEL, messages=HELLO, stream=True)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in chunks])

    async def both() -> None:
        async with AsyncOpenAI(api_key=KEY, base_url=BASE_URL, max_retries=0) as caller:
            whole, streamed = await asyncio.gather(
                caller.chat.completions.create(model=MODEL, messages=HELLO),
                read_stream(caller),
            )
            assert whole.choices[0].message.content == streamed != ""

    asyncio.run(both())


class City(BaseModel):
    """What an answer is to look like."""

    name: str
    size: int = Field(ge=3)


def json_schema() -> None:
    """an answer by JSON Schema, read into a class, whole and streamed"""
    answer = client.chat.completions.parse(model=MODEL, messages=HELLO, response_format=City)
    assert answer.choices[0].message.parsed == City(name="demo", size=3)
    with client.chat.completions.stream(
        model=MODEL, messages=HELLO, response_format=City
    ) as events:
        streamed = events.get_final_completion()
    assert streamed.choices[0].message.parsed == City(name="demo", size=3)


CHECKS = [chat, several_answers, stream, stream_with_usage, asynchronous, json_schema]
