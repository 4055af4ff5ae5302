"""Calls of tools, several in one answer."""

import json

from openai import pydantic_function_tool
from openai.types.chat import ChatCompletionMessageParam, ParsedFunctionToolCall
from pydantic import BaseModel

from clients import MODEL, client


class Place(BaseModel):
    """The parameters of both tools."""

    city: str


TOOLS = [pydantic_function_tool(Place, name=name) for name in ("weather", "time")]
PROMPT = 'call weather with {"city": "Paris"} and call time with {"city": "Rome {x}"}'
ASKED: list[ChatCompletionMessageParam] = [{"role": "user", "content": PROMPT}]
CALLS = [("weather", Place(city="Paris")), ("time", Place(city="Rome {x}"))]


def read(calls: list[ParsedFunctionToolCall] | None) -> list[tuple[str, object]]:
    """Names and arguments of the calls."""
    return [(call.function.name, call.function.parsed_arguments) for call in calls or []]


def parallel_calls() -> None:
    """tools are called in parallel, and what they return goes back"""
    answer = client.chat.completions.parse(model=MODEL, messages=ASKED, tools=TOOLS)
    [choice] = answer.choices
    assert choice.finish_reason == "tool_calls" and choice.message.content is None
    calls = choice.message.tool_calls or []
    assert read(calls) == CALLS
    results: list[ChatCompletionMessageParam] = [
        {"role": "tool", "tool_call_id": call.id, "content": json.dumps({"sun": True})}
        for call in calls
    ]
    said: ChatCompletionMessageParam = {
        "role": "assistant",
        "tool_calls": [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.function.name, "arguments": call.function.arguments},
            }
            for call in calls
        ],
    }
    last = client.chat.completions.create(
        model=MODEL, messages=[*ASKED, said, *results], tools=TOOLS
    )
    assert last.choices[0].finish_reason == "stop" and last.choices[0].message.content


def streamed_calls() -> None:
    """tools are called in parallel in a stream, their arguments in parts"""
    deltas = {0: 0, 1: 0}
    with client.chat.completions.stream(model=MODEL, messages=ASKED, tools=TOOLS) as events:
        for event in events:
            if event.type == "tool_calls.function.arguments.delta":
                deltas[event.index] += 1
        answer = events.get_final_completion()
    assert answer.choices[0].finish_reason == "tool_calls"
    assert read(answer.choices[0].message.tool_calls) == CALLS
    assert min(deltas.values()) > 1, deltas


def one_at_a_time() -> None:
    """a call that is insisted on, and no second one where none is wanted"""
    single = client.chat.completions.create(
        model=MODEL, messages=ASKED, tools=TOOLS, parallel_tool_calls=False
    )
    assert len(single.choices[0].message.tool_calls or []) == 1
    forced = client.chat.completions.parse(
        model=MODEL,
        messages=[{"role": "user", "content": "Hello"}],
        tools=TOOLS,
        tool_choice={"type": "function", "function": {"name": "time"}},
    )
    assert [name for name, _ in read(forced.choices[0].message.tool_calls)] == ["time"]


CHECKS = [parallel_calls, streamed_calls, one_at_a_time]
