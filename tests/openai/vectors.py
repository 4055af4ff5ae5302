"""Embeddings and models."""

import base64
from array import array

from clients import MODEL, client

EMBEDDING_MODEL = "demo-embedding"
INPUT = ["rain in Seattle", "rainy Seattle", "quarterly revenue"]


def embeddings() -> None:
    """embeddings: the same as numbers, as base64, and as the client asks by itself"""
    plain = client.embeddings.create(model=EMBEDDING_MODEL, input=INPUT, encoding_format="float")
    coded = client.embeddings.create(model=EMBEDDING_MODEL, input=INPUT, encoding_format="base64")
    unasked = client.embeddings.create(model=EMBEDDING_MODEL, input=INPUT)
    assert [row.index for row in plain.data] == [0, 1, 2]
    assert plain.usage.total_tokens == coded.usage.total_tokens > 0
    for numbers, text, decoded in zip(plain.data, coded.data, unasked.data, strict=True):
        # The client types numbers, and passes on base64 that was asked for as it is.
        vector = array("f", base64.b64decode(str(text.embedding)))
        assert len(numbers.embedding) == len(vector) == len(decoded.embedding) == 1536
        for one, two, three in zip(numbers.embedding, vector, decoded.embedding, strict=True):
            assert abs(one - two) < 1e-6 and two == three


def small_embedding() -> None:
    """an embedding of one text, in as many dimensions as are asked for"""
    answer = client.embeddings.create(model=EMBEDDING_MODEL, input="one", dimensions=64)
    [row] = answer.data
    assert len(row.embedding) == 64


def models() -> None:
    """models: the list, and one of it"""
    listed = [model.id for model in client.models.list()]
    assert MODEL in listed and EMBEDDING_MODEL in listed, listed
    assert client.models.retrieve(MODEL).id == MODEL


CHECKS = [embeddings, small_embedding, models]
