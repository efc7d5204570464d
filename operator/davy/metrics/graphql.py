"""What a GraphQL server answers: `data`, or `errors`, which come with status 200 too."""

from typing import Any

from davy.metrics import documents


def data(body: bytes, where: str) -> dict[str, Any] | None:
    """The data of a 200; None: the server says that there is none.

    Args:
        body: the response.
        where: whom to name in a sentence.

    Raises:
        documents.Unreadable: the query was refused, or this is no GraphQL.
    """
    document = documents.parsed(body, where)
    if errors := documents.field(document, "errors"):
        first = errors[0] if isinstance(errors, list) else errors
        raise documents.refused(where, documents.field(first, "message") or first)
    found = documents.field(document, "data")
    known = isinstance(document, dict) and "data" in document
    if not known or not isinstance(found, dict | None):
        raise documents.strange(where, "GraphQL's", body)
    return found
