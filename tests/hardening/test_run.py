from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

import sparring
from sparring.errors import ModelError, OtherRunError, ThreatError, UsageError
from sparring.hardening import enough_epochs
from sparring.hardening.document import findings_of
from sparring.hardening.pace import epochs_within
from sparring.hardening.parts import divided
from sparring.training import Recipe, Setup, fit, plain, small_net

RECIPE = Recipe(epochs=2, minibatch=25)


def data(count=120):
    """Images, by whether they are bright."""
    inputs = torch.rand(count, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    inputs[::2] *= 0.6
    return inputs, torch.arange(count) % 2


def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 2))


def test_a_module_is_trained_saved_and_read_again(tmp_path):
    model = net()
    before = model[1].weight.clone()
    trained = sparring.train(model, data(), "linf:0.05", recipe=RECIPE, out=tmp_path / "out", held_out=20)
    assert torch.equal(before, model[1].weight)
    inputs = trained.test.inputs
    with torch.no_grad():
        assert torch.allclose(trained.model(inputs), trained.fitted.model(inputs), atol=1e-6)
    body = trained.document["body"]
    assert body["data"] == {"source": "memory", "learned": 80, "held_out": 20, "test": 20}
    assert body["model"]["file"] == "model.pt2" and (tmp_path / "out" / "model.pt2").exists()
    assert len(body["curve"]) == 3 and trained.document["kind"] == "training"
    run = sparring.audit(trained.model, trained.test, "linf:0.05", "smoke")
    assert run.samples == 20 and run.result["interval"] is not None


def test_a_factorys_weights_fit_the_factory(tmp_path):
    code = tmp_path / "net.py"
    code.write_text(
        "from torch import nn\ndef make():\n    return nn.Sequential(nn.Flatten(), nn.Linear(64, 2))\n"
    )
    model = sparring.load_model(f"{code}:make", mean=0.5, std=0.5)
    trained = sparring.train(model, data(), "linf:0.05", recipe=RECIPE, out=tmp_path / "out")
    again = sparring.load_model(
        f"{code}:make", weights=tmp_path / "out" / "weights.safetensors", mean=0.5, std=0.5
    )
    inputs = trained.test.inputs
    assert torch.allclose(trained.fitted.model(inputs), again(inputs), atol=1e-6)
    assert not torch.allclose(model(inputs), again(inputs), atol=1e-3)


def test_a_training_goes_on_also_of_weights_that_a_factory_draws(tmp_path):
    code, out = tmp_path / "net.py", tmp_path / "out"
    code.write_text(
        "from torch import nn\ndef make():\n    return nn.Sequential(nn.Flatten(), nn.Linear(64, 2))\n"
    )
    first = sparring.train(f"{code}:make", data(), "linf:0.05", recipe=RECIPE, out=out)
    with pytest.raises(UsageError, match="holds a training already"):
        sparring.train(f"{code}:make", data(), "linf:0.05", recipe=RECIPE, out=out)
    again = sparring.train(f"{code}:make", data(), "linf:0.05", recipe=RECIPE, out=out, resume=True)
    assert first.document["body"] == again.document["body"]
    with pytest.raises(OtherRunError, match="other samples, settings or seed"):
        sparring.train(f"{code}:make", data(), "linf:0.06", recipe=RECIPE, out=out, resume=True)


def test_without_a_model_a_small_net_is_trained(tmp_path):
    trained = sparring.train(None, data(), "l2:0.2", "n-fgsm", recipe=RECIPE, out=tmp_path / "out")
    assert trained.model(trained.test.inputs).shape == (12, 2)


def test_epochs_that_fit_into_a_time_stay_when_the_training_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr("sparring.hardening.run.epochs_within", lambda *rest: 3)
    arguments = {"recipe": RECIPE, "minutes": 1.0, "out": tmp_path / "out"}
    trained = sparring.train(net(), data(), "linf:0.05", **arguments)
    assert len(trained.fitted.curve) == 4
    monkeypatch.setattr("sparring.hardening.run.epochs_within", lambda *rest: 5)
    assert len(sparring.train(net(), data(), "linf:0.05", **arguments, resume=True).fitted.curve) == 4


def test_the_pace_is_measured():
    samples = sparring.load_data(data())
    recipe = replace(RECIPE, objective=plain)
    few = epochs_within(0.02, net(), samples, recipe, samples, Setup())
    many = epochs_within(0.2, net(), samples, recipe, samples, Setup())
    assert 1 <= few < many
    with pytest.raises(UsageError, match="one epoch takes about"):
        epochs_within(1e-6, net(), samples, recipe, samples, Setup())


class Blown(nn.Module):
    """Answers nothing in training."""

    def __init__(self):
        super().__init__()
        self.body = net()

    def forward(self, inputs):
        return self.body(inputs) * (torch.nan if self.training else 1)


class Moody(Blown):
    """Looks at values, which no program can."""

    def forward(self, inputs):
        return self.body(inputs) if float(inputs.detach().sum()) > 0 else self.body(-inputs)


def findings(trained):
    return {each["id"]: each["severity"] for each in trained.document["findings"]}


def test_what_went_wrong_is_told(tmp_path):
    """Weights that knew the labels in another order, and a rate at which nothing can be learned."""
    inputs, labels = data()
    samples = sparring.load_data((inputs, labels))
    fitted = fit(small_net(samples), samples, Recipe(epochs=20, minibatch=20, objective=plain))
    program = torch.export.export(fitted.model, (inputs,), dynamic_shapes=({0: torch.export.Dim.DYNAMIC},))
    torch.export.save(program, tmp_path / "net.pt2")
    model = sparring.load_model(tmp_path / "net.pt2")
    recipe = replace(RECIPE, epochs=1, optimiser=type(RECIPE.optimiser)(learning_rate=1e-12))
    trained = sparring.train(model, (inputs, 1 - labels), "linf:0.05", recipe=recipe, out=tmp_path / "out")
    assert findings(trained)["training-labels"] == "warning"
    assert trained.document["verdict"] == "measured"

    blown = sparring.train(Blown(), data(), "linf:0.05", recipe=RECIPE, out=tmp_path / "blown")
    assert blown.document["verdict"] == "incomplete" and "became nan" in blown.document["reasons"][0]
    assert {"training-stopped", "training-no-gain"} <= findings(blown).keys()


def test_a_model_that_only_guesses_is_told(tmp_path):
    trained = sparring.train(
        None, data(), "linf:0.01", recipe=replace(RECIPE, epochs=8), out=tmp_path / "good"
    )
    assert not {"training-guessing", "training-no-gain"} & findings(trained).keys()
    parts, fitted = divided(sparring.load_data(data()), None, None), trained.fitted
    curve = [replace(each, clean=float(parts.held_out.labels.double().mean())) for each in fitted.curve]
    told = findings_of(replace(fitted, curve=curve, best=1), parts, trained.model)
    assert ("training-guessing", "error") in [(each["id"], each["severity"]) for each in told]


def test_few_samples_are_learned_from_often_enough():
    assert enough_epochs(60_000, 128) == 10
    assert enough_epochs(630, 128) == 200
    assert enough_epochs(1, 128) == 1000


def test_a_model_that_cannot_be_exported_leaves_its_weights(tmp_path):
    trained = sparring.train(Moody(), data(), "linf:0.05", recipe=RECIPE, out=tmp_path / "out")
    assert trained.document["body"]["model"]["file"] == "weights.safetensors"
    kept = load_file(tmp_path / "out" / "weights.safetensors")
    assert torch.equal(kept["body.1.weight"], trained.model.function.body[1].weight)


def test_what_cannot_be_trained(tmp_path):
    out = tmp_path / "out"
    with pytest.raises(ModelError, match="no weights that can be trained"):
        sparring.train(lambda inputs: inputs.flatten(1)[:, :2], data(), "linf:0.05", out=out)
    with pytest.raises(ThreatError, match="changes of a given size"):
        sparring.train(net(), data(), "l2:min", out=out)
    with pytest.raises(ModelError, match="2 outputs"):
        sparring.train(net(), (data()[0], torch.arange(120) % 3), "linf:0.05", out=out)
