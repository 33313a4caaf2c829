from sparring.reports.classes import classes
from tests.reports.runs import CIFAR, made_up, make_run


def test_classes_count_clean_and_robust_samples_apart():
    fates = made_up(200, 10, seed=3)
    lines = {line.name: line for line in classes(make_run(200, seed=3))}
    assert len(lines) == 10
    for label, name in enumerate(CIFAR):
        mine = [fate for fate in fates if fate.label == label]
        assert lines[name].samples == len(mine)
        assert lines[name].clean == sum(fate.status != "clean_error" for fate in mine)
        assert lines[name].robust == sum(fate.status == "robust" for fate in mine)


def test_the_least_robust_class_comes_first():
    shares = [line.robust / line.samples for line in classes(make_run(200))]
    assert shares == sorted(shares)
    assert shares[0] < shares[-1]


def test_classes_add_up_to_the_run():
    run = make_run(77)
    lines = classes(run)
    assert sum(line.samples for line in lines) == 77
    assert sum(line.clean for line in lines) == run.result["clean_correct"]
    assert sum(line.robust for line in lines) == run.result["robust"]
