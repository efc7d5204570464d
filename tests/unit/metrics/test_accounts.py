"""Which service accounts Jobs may run as."""

import pytest

from davy.metrics.accounts import Accounts

POD: dict[str, object] = {"containers": []}


def test_nothing_is_allowed_by_default() -> None:
    """Whoever writes templates may not be allowed to make pods."""
    told = Accounts().refusal("shop", POD)
    allow = "an administrator can allow it by --job-service-accounts shop/default"
    assert told == f"is off; {allow}"


@pytest.mark.parametrize("entry", ["shop/default", "shop/*", "*/default", "*/*"])
def test_a_pod_that_names_no_account_runs_as_the_default_one(entry: str) -> None:
    """As the API server fills it in."""
    assert Accounts.of([entry]).refusal("shop", POD) == ""
    assert Accounts.of([entry]).refusal("shop", {"serviceAccountName": "", **POD}) == ""


@pytest.mark.parametrize(
    "pod",
    [
        {"serviceAccountName": "admin"},
        {"serviceAccount": "admin"},
        {"serviceAccountName": "default", "serviceAccount": "admin"},
        {"serviceAccountName": "admin", "serviceAccount": "default"},
        {"serviceAccountName": ["default"]},
    ],
    ids=str,
)
def test_every_account_that_a_pod_names_must_be_allowed(pod: dict[str, object]) -> None:
    """Both spellings: which of them counts is the API server's business."""
    told = Accounts.of(["shop/default", "other/admin"]).refusal("shop", pod)
    assert told.startswith("may not run as the service account shop/")
    assert "--job-service-accounts shop/" in told


def test_another_namespaces_account_is_another_one() -> None:
    """The same name says nothing."""
    assert Accounts.of(["shop/default"]).refusal("pay", POD)


@pytest.mark.parametrize(
    "entry", ["", "default", "/", "shop/", "a/b/c", "Shop/x", "sh*p/x", "a/b\n"]
)
def test_an_entry_that_is_no_account_is_refused(entry: str) -> None:
    """At the start, with what to write."""
    with pytest.raises(ValueError, match="write NAMESPACE/NAME, such as shop/default"):
        Accounts.of([entry])


@pytest.mark.parametrize(
    ("entries", "served", "where"),
    [
        ([], (), ()),
        (["shop/default", "pay/x", "shop/y"], (), ("pay", "shop")),
        (["shop/default", "pay/x"], ("pay", "cart"), ("pay",)),
        (["*/default"], (), (None,)),
        (["*/default", "shop/x"], ("pay", "cart"), ("pay", "cart")),
    ],
    ids=str,
)
def test_rights_are_needed_where_jobs_may_be_made(
    entries: list[str], served: tuple[str, ...], where: tuple[str | None, ...]
) -> None:
    """And nowhere else, so that the administrator needn't grant more."""
    assert Accounts.of(entries).namespaces(served) == where
