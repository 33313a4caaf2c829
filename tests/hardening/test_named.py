import pytest

from sparring.errors import UsageError
from sparring.hardening import OBJECTIVES, Named
from sparring.threat import Linf
from sparring.training import Mart, NoisyStep, RandomStep, Trades, WeightPerturbed, clean_accuracy, plain

THREAT = Linf(0.1)


@pytest.mark.parametrize("name", [each for each in OBJECTIVES if each != "plain"])
def test_every_name_is_an_objective(name):
    found = Named(name, THREAT, warm_up=0.2).objective
    single = {"n-fgsm": NoisyStep, "fgsm-rs": RandomStep}
    assert found.find.warm_up == 0.2 and isinstance(found.find.attack, single.get(name, object))
    assert found.find.attack.steps == (1 if name in single else 10)
    assert isinstance(found.loss, {"trades": Trades, "mart": Mart}.get(name, object))
    assert (Named(name, THREAT).remedy is not None) == (name in single)
    if name not in single:
        assert Named(name, THREAT, steps=3).objective.find.attack.steps == 3
    assert isinstance(Named(name, THREAT, awp=0.01).objective.loss, WeightPerturbed)


def test_plain_is_plain():
    named = Named("plain", THREAT)
    assert named.objective is plain and named.measure is clean_accuracy and named.remedy is None


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"name": "trade"}, 'did you mean "trades"'),
        ({"name": "n-fgsm", "steps": 2}, "n-fgsm takes no steps"),
        ({"name": "pgd", "steps": 0}, "at least 1 step"),
        ({"name": "plain", "awp": 0.01}, "no attack inside"),
    ],
)
def test_settings_that_do_not_fit(settings, words):
    with pytest.raises(UsageError, match=words):
        Named(threat=THREAT, **settings)
