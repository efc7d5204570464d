import pytest

from tests.lab.node import images
from tests.lab.node.images import ImageError


def test_the_demo_app_is_a_program() -> None:
    """An image that the table knows runs its program, with the container's args."""
    for image in ("davy-demo:v1", "ghcr.io/example/davy-demo:1.2", "davy-demo"):
        program = images.program(image, [], ["--quick"])
        assert program.argv[1:] == ("-m", "tests.lab.app", "--quick")


def test_a_command_runs_as_given() -> None:
    """Whatever the image, a command is this machine's."""
    program = images.program("busybox:1.36", ["sleep"], ["5"])
    assert program.argv == ("sleep", "5")


@pytest.mark.parametrize(
    "image", ["busybox", "nginx:1.27", "registry.example.com:5000/a/b:v1", "a@sha256:" + "0" * 64]
)
def test_any_other_image_is_simulated(image: str) -> None:
    """Standard manifests work though nothing runs."""
    assert images.program(image, [], []).simulated


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        ("davy-demo:missing", "ErrImagePull"),
        ("example.com/does-not-exist:v1", "ErrImagePull"),
        ("Not An Image", "InvalidImageName"),
        ("", "InvalidImageName"),
    ],
)
def test_an_image_that_cannot_be_had(image: str, reason: str) -> None:
    """The reason is a kubelet's, also when there is a command."""
    with pytest.raises(ImageError) as caught:
        images.program(image, ["sleep"], [])
    assert caught.value.reason == reason
