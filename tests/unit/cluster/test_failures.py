import inspect
import json

import aiohttp
import pytest
from kubernetes.aio import config as kubernetes_config
from kubernetes.aio.client import exceptions as library

from davy.api import errors
from davy.cluster.failures import ANSWER_ERRORS, LIBRARY_ERRORS, WIRE_ERRORS, Call, mapped, refused
from davy.cluster.kinds import REPLICA_SET, VIRTUAL_SERVICE

CALL = Call("patch", VIRTUAL_SERVICE, "shop", "cart")


def answered(status: int, **fields: object) -> errors.ApiFailure:
    body = json.dumps({"kind": "Status", **fields}).encode()
    return refused(CALL, status, body, {})


@pytest.mark.parametrize(
    ("status", "reason", "expected"),
    [
        (400, "BadRequest", errors.Rejected),
        (401, "Unauthorized", errors.Forbidden),
        (403, "Forbidden", errors.Forbidden),
        (404, "NotFound", errors.NotFound),
        (408, "Timeout", errors.Unreachable),
        (409, "Conflict", errors.Conflict),
        (409, "AlreadyExists", errors.AlreadyExists),
        (410, "Expired", errors.Unreachable),
        (415, "UnsupportedMediaType", errors.Rejected),
        (422, "Invalid", errors.Rejected),
        (429, "TooManyRequests", errors.Unreachable),
        (500, "InternalError", errors.Unreachable),
        (503, "ServiceUnavailable", errors.Unreachable),
        (504, "Timeout", errors.Unreachable),
    ],
)
def test_every_status_has_its_class(status: int, reason: str, expected: type[Exception]) -> None:
    """The most specific class of the tree."""
    assert type(answered(status, reason=reason, message="no")) is expected


@pytest.mark.parametrize(
    "said",
    [
        "the server rejected our request due to an error in our request",
        "testing value /metadata/resourceVersion failed",
    ],
)
def test_a_failed_test_of_a_json_patch_is_a_conflict(said: str) -> None:
    """The server says 422 for it, as for what it will never take, and hides which test it was."""
    error = answered(422, reason="Invalid", message=said, details={})
    assert type(error) is errors.Conflict


def test_a_refusal_by_rbac_names_what_must_be_granted() -> None:
    """Verb and resource, as a role writes them."""
    error = answered(403, message='virtualservices "cart" is forbidden')
    assert "grant the verb patch on virtualservices.networking.istio.io" in str(error)


def test_a_subresource_is_named_as_a_role_writes_it() -> None:
    """A role that grants `rollouts` doesn't grant `rollouts/status`."""
    call = Call("patch", REPLICA_SET, "shop", "cart", "status")
    assert "replicasets/status.apps" in str(refused(call, 403, b"{}", {}))


def test_a_sentence_names_verb_object_and_answer() -> None:
    """What a person needs, in one line."""
    error = answered(500, message="etcdserver: leader changed")
    assert str(error) == "patch VirtualService shop/cart: etcdserver: leader changed (HTTP 500)."


@pytest.mark.parametrize("body", [b"", b"upstream connect error", b"\xff\xfe", b"[1]"])
def test_an_answer_that_is_no_status_object_is_told_too(body: bytes) -> None:
    """A proxy in front of the API server answers what it likes."""
    assert "HTTP 502" in str(refused(CALL, 502, body, {}))


def test_the_time_the_server_asks_for_is_kept() -> None:
    """From the header, else from the Status object; a date isn't understood."""
    assert refused(CALL, 429, b"{}", {"Retry-After": "7"}).retry_after == 7.0
    assert answered(429, details={"retryAfterSeconds": 3}).retry_after == 3.0
    assert refused(CALL, 429, b"{}", {"Retry-After": "Wed, 21 Oct"}).retry_after is None


def every(module: object, base: type[BaseException]) -> list[type[BaseException]]:
    found = [
        value
        for _, value in inspect.getmembers(module, inspect.isclass)
        if issubclass(value, base) and not issubclass(value, Warning)
    ]
    assert found
    return found


WEB_SOCKETS = {aiohttp.WebSocketError, aiohttp.WSMessageTypeError, aiohttp.EofStream}
"""Of streams that Davy doesn't use."""


@pytest.mark.parametrize(
    "error",
    [
        *sorted(set(every(aiohttp, Exception)) - WEB_SOCKETS, key=str),
        *every(library, library.OpenApiException),
        kubernetes_config.ConfigException,
        TimeoutError,
        ConnectionResetError,
        json.JSONDecodeError,
        UnicodeDecodeError,
    ],
)
def test_no_exception_of_the_wire_library_is_left_unmapped(error: type[Exception]) -> None:
    """A new one of theirs fails here, and not in somebody's cluster."""
    assert issubclass(error, (*WIRE_ERRORS, *LIBRARY_ERRORS, *ANSWER_ERRORS))


@pytest.mark.parametrize(
    "error",
    [
        aiohttp.ServerDisconnectedError(),
        aiohttp.ClientPayloadError("not all of the answer came"),
        aiohttp.InvalidURL("http://"),
        library.ApiException(status=0, reason="can't be sent"),
        kubernetes_config.ConfigException("token file is empty"),
        RuntimeError("Session is closed"),
        ConnectionResetError(104, "reset by peer"),
        TimeoutError(),
        json.JSONDecodeError("Expecting value", "<html>", 0),
    ],
)
def test_no_answer_is_unreachable_with_a_sentence(error: Exception) -> None:
    """Verb and object come first, whatever broke."""
    sentence = r"^patch VirtualService shop/cart: .+\.$"
    with pytest.raises(errors.Unreachable, match=sentence), mapped(CALL):
        raise error


def test_our_own_errors_pass_through() -> None:
    """What is mapped already stays what it is."""
    with pytest.raises(errors.NotFound), mapped(CALL):
        raise errors.NotFound("gone")
