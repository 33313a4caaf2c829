"""Faults in poison and in the search for it: each leaves an alarm, a ranking or a trigger that looks sound."""

from __future__ import annotations

from tests.faults.fault import Fault

ALARM = "tests/poison/test_alarm.py"
PROMINENCE = "tests/poison/test_prominence.py"
INSPECTION = "tests/poison/test_inspection.py"
MATCHING = "tests/poison/making/test_gradient_matching.py"
UNLEARNABLE = "tests/poison/making/test_unlearnable.py"

POISONING = (
    Fault(
        "trusted samples speak for poison",
        "poison/alarm.py",
        "seen * if_trusted + (numbers[:, None] - seen) * if_not",
        "seen * if_not + (numbers[:, None] - seen) * if_trusted",
        (ALARM,),
    ),
    Fault(
        "trust is handed out across classes",
        "poison/alarm.py",
        "members = [(labels == label).nonzero()[:, 0] for label in labels.unique()]",
        "members = [torch.arange(len(labels))]",
        (ALARM,),
    ),
    Fault(
        "the true word does not count among the relabellings",
        "poison/alarm.py",
        "float((strongest >= strongest[0]).double().mean()),\n        tuple",
        "float((strongest > strongest[0]).double().mean()),\n        tuple",
        (ALARM,),
    ),
    Fault(
        "what stands out least weighs most",
        "poison/prominence.py",
        "key=lambda label: -stand[label][1]",
        "key=lambda label: stand[label][1]",
        (PROMINENCE,),
    ),
    Fault(
        "equal scores keep their order",
        "poison/prominence.py",
        "shuffled = rows[torch.randperm(len(rows), generator=generator)]",
        "shuffled = rows",
        (PROMINENCE, ALARM),
    ),
    Fault(
        "large triggers are looked for",
        "poison/inspection/inversion.py",
        "(loss + weights * own).sum()",
        "(loss - weights * own).sum()",
        (INSPECTION,),
    ),
    Fault(
        "margins are made small",
        "poison/inspection/margins.py",
        "maximize=True",
        "maximize=False",
        (INSPECTION,),
    ),
    Fault(
        "the model that is looked into does not count among the models",
        "poison/inspection/inspecting.py",
        "float((tops >= tops[0]).double().mean())",
        "float((tops[1:] >= tops[0]).double().mean())",
        (INSPECTION,),
    ),
    Fault(
        "poisons pull weights away from what is shown",
        "poison/making/gradient_matching.py",
        "-torch.stack(alike).sum()",
        "torch.stack(alike).sum()",
        (MATCHING,),
    ),
    Fault(
        "gradients are matched for samples without the trigger",
        "poison/making/gradient_matching.py",
        "wanted = triggered(trigger, shown, samples.domain)",
        "wanted = shown",
        (MATCHING,),
    ),
    Fault(
        "noise pulls samples towards other classes",
        "poison/making/unlearnable.py",
        "Targeted(labels, labels)",
        "Targeted(1 - labels, labels)",
        (UNLEARNABLE,),
    ),
)
