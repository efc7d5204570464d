import errno
from dataclasses import replace
from pathlib import Path

import pytest

from tests.lab import preflight
from tests.lab.errors import PreflightError
from tests.lab.preflight import Host

OPEN = Host(
    uid=1000,
    max_user_namespaces=15000,
    unprivileged_userns_clone=1,
    apparmor_restrict_unprivileged_userns=0,
    seccomp=0,
)


@pytest.mark.parametrize(
    ("stage", "number", "host", "named"),
    [
        ("unshare", errno.ENOSPC, replace(OPEN, max_user_namespaces=0), "max_user_namespaces is 0"),
        (
            "unshare",
            errno.EPERM,
            replace(OPEN, unprivileged_userns_clone=0),
            "kernel.unprivileged_userns_clone is 0",
        ),
        (
            "map",
            errno.EPERM,
            replace(OPEN, apparmor_restrict_unprivileged_userns=1),
            "kernel.apparmor_restrict_unprivileged_userns is 1",
        ),
        ("unshare", errno.EPERM, replace(OPEN, seccomp=2), "seccomp=unconfined"),
        ("map", errno.EPERM, replace(OPEN, uid=0, seccomp=2), "--cap-add SETFCAP"),
        ("unshare", errno.EINVAL, OPEN, "CONFIG_USER_NS"),
        ("unshare", errno.ENOSPC, OPEN, "too many already"),
        ("network", errno.EPERM, OPEN, "network was refused (Operation not permitted)"),
    ],
)
def test_a_refusal_names_the_switch(stage: str, number: int, host: Host, named: str) -> None:
    """Where namespaces are refused, one sentence names the sysctl or option to change."""
    sentence = preflight.why_refused(stage, number, host)
    assert named in sentence
    assert "\n" not in sentence
    assert sentence.endswith(".")


def test_a_sysctl_for_ordinary_users_is_not_blamed_when_root_is_refused() -> None:
    """AppArmor's switch binds ordinary users only; for root another cause is named."""
    host = replace(OPEN, uid=0, apparmor_restrict_unprivileged_userns=1, seccomp=2)
    assert "seccomp" in preflight.why_refused("unshare", errno.EPERM, host)


def test_an_old_python_is_refused() -> None:
    """The sentence says what is needed and what was found."""
    with pytest.raises(PreflightError, match=r"Python 3\.11 or later is needed, this is 3\.9"):
        preflight.check_python((3, 9))
    preflight.check_python((3, 11))


def test_another_system_is_refused() -> None:
    """The lab is made of Linux namespaces."""
    with pytest.raises(PreflightError, match="this is darwin"):
        preflight.check_platform("darwin")


def test_a_full_disk_is_refused(tmp_path: Path) -> None:
    """The folder need not exist; the sentence says how much is needed and for what."""
    with pytest.raises(PreflightError, match="GiB of free disk are needed to run the lab in"):
        preflight.check_disk(tmp_path / "not" / "yet", 1 << 60, "to run the lab")
    preflight.check_disk(tmp_path / "not" / "yet", 1, "to run the lab")
