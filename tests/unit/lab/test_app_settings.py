import random
import statistics

import pytest

from tests.lab.app_settings import LATENCY_FORMS, Behaviour, Latency, SettingError, Settings


def test_a_pod_binds_its_own_address() -> None:
    """HOST goes before POD_IP, which goes before loopback."""
    assert Settings.from_env({}).host == "127.0.0.1"
    assert Settings.from_env({"POD_IP": "10.64.0.7"}).host == "10.64.0.7"
    assert Settings.from_env({"POD_IP": "10.64.0.7", "HOST": "0.0.0.0"}).host == "0.0.0.0"


def test_env_says_the_rest() -> None:
    """Each field is the variable of its name; an empty one counts as unset."""
    env = {
        "PORT": "9000",
        "VERSION": "v2",
        "POD_NAME": "web-1",
        "START_DELAY": "0.5",
        "DRAIN": "3",
        "ERROR_RATE": "0.2",
        "LATENCY": "",
    }
    assert Settings.from_env(env) == Settings(
        port=9000,
        version="v2",
        pod="web-1",
        start_delay=0.5,
        drain=3.0,
        behaviour=Behaviour(error_rate=0.2),
    )


@pytest.mark.parametrize(
    ("env", "sentence"),
    [
        ({"ERROR_RATE": "20"}, "ERROR_RATE is '20'; a share from 0 to 1, 0.2 being 20 %."),
        ({"ERROR_RATE": "nan"}, "ERROR_RATE is 'nan'; a share from 0 to 1, 0.2 being 20 %."),
        ({"PORT": "http"}, "PORT is 'http'; a port from 0 to 65535."),
        ({"START_DELAY": "-1"}, "START_DELAY is '-1'; seconds, from 0 to 3600."),
        (
            {"LATENCY": "gauss:1"},
            f"latency is 'gauss:1'; write {LATENCY_FORMS}.",
        ),
    ],
)
def test_a_wrong_variable_is_named_with_what_would_be_right(
    env: dict[str, str], sentence: str
) -> None:
    """A pod that doesn't start says why in one line of its log."""
    with pytest.raises(SettingError) as refused:
        Settings.from_env(env)
    assert str(refused.value) == sentence


@pytest.mark.parametrize(
    "text", ["", "-1", "inf", "nan", "uniform:1", "uniform:2:1", "fixed:1:2", "lognormal:1", ":1"]
)
def test_an_impossible_latency_is_refused(text: str) -> None:
    """Unknown kinds, wrong counts and negative times are no latency."""
    with pytest.raises(SettingError, match="latency is"):
        Latency.parse(text)


@pytest.mark.parametrize(
    ("text", "low", "median", "high"),
    [
        ("0.05", 0.05, 0.05, 0.05),
        ("uniform:0.01:0.03", 0.01, 0.02, 0.03),
        ("exponential:0.1", 0.0, 0.0693, 9.0),
        ("lognormal:0.02:0.5", 0.0, 0.02, 9.0),
        ("exponential:0", 0.0, 0.0, 0.0),
        ("lognormal:0:1", 0.0, 0.0, 0.0),
    ],
)
def test_latency_has_the_distribution_it_names(
    text: str, low: float, median: float, high: float
) -> None:
    """5 000 samples of a seed: the bounds hold, the median is within 5 %."""
    latency, chance = Latency.parse(text), random.Random(1)
    samples = [latency.draw(chance) for _ in range(5000)]
    assert low <= min(samples) <= max(samples) <= high
    assert statistics.median(samples) == pytest.approx(median, rel=0.05)
    assert Latency.parse(str(latency)) == latency


def test_a_change_takes_what_it_names_and_leaves_the_rest() -> None:
    """PUT /-/settings changes part of the behaviour."""
    before = Behaviour(error_rate=0.1)
    after = before.changed({"latency": 0.2, "ready": False})
    assert after == Behaviour(error_rate=0.1, latency=Latency("fixed", 0.2), ready=False)
    assert Behaviour().changed(after.as_json()) == after


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"error_rate": True}, "error_rate is True; a share"),
        ({"ready": "false"}, "ready is 'false'; true or false"),
        ({"errors": 1}, "errors is no setting; known: error_rate, latency, ready"),
    ],
)
def test_a_wrong_change_is_refused_as_a_whole(settings: dict[str, object], sentence: str) -> None:
    """Nothing half-changed: the sentence names the setting."""
    with pytest.raises(SettingError, match=sentence):
        Behaviour().changed({"latency": 1, **settings})
