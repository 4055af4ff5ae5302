"""The official client, pointed at Edgeloom as anyone would."""

import os

from openai import OpenAI
from openai.types.chat import ChatCompletionUserMessageParam

BASE_URL = os.environ["EDGELOOM_BASE_URL"]
KEY = os.environ["EDGELOOM_KEY"]

MODEL = "demo-chat"
PROMPT = "Hello out there"
HELLO: list[ChatCompletionUserMessageParam] = [{"role": "user", "content": PROMPT}]


def client_with(key: str, max_retries: int = 0) -> OpenAI:
    """A client that, unless told, shows each failure at once."""
    return OpenAI(api_key=key, base_url=BASE_URL, max_retries=max_retries)


client = client_with(KEY)
