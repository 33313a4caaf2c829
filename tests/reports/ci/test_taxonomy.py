from dataclasses import replace

import pytest

from sparring.reports.ci.taxonomy import ATLAS, NIST, TAXONOMIES, techniques
from tests.reports.runs import make_run


def spent(backwards, queries):
    """A run of which every attempt cost this much."""
    run = make_run(20)
    table = run.attempts
    for name, value in (("backwards", backwards), ("queries", queries)):
        place = table.schema.get_field_index(name)
        table = table.set_column(place, table.schema.field(name), [[value] * table.num_rows])
    return replace(run, attempts=table)


def ids(run):
    return {taxon.id for _, taxon in techniques(run)}


def test_versions_are_pinned():
    assert (NIST.version, ATLAS.version) == ("E2025", "5.6.0")


def test_ids_are_those_of_the_published_lists():
    assert {taxon.id: taxon.name for each in TAXONOMIES for taxon in each.taxa} == {
        "NISTAML.022": "Evasion",
        "NISTAML.025": "Black-box Evasion",
        "AML.T0015": "Evade AI Model",
        "AML.T0043.000": "Craft Adversarial Data: White-Box Optimization",
        "AML.T0043.001": "Craft Adversarial Data: Black-Box Optimization",
    }


@pytest.mark.parametrize(
    ("backwards", "queries", "more"),
    [
        (10, 0, {"AML.T0043.000"}),
        (10, 10, {"AML.T0043.000"}),
        (0, 10, {"AML.T0043.001", "NISTAML.025"}),
        (0, 0, set()),
    ],
)
def test_an_attack_is_called_by_what_it_asked_for(backwards, queries, more):
    assert ids(spent(backwards, queries)) == {"NISTAML.022", "AML.T0015"} | more


def test_an_empty_run_is_evasion_all_the_same():
    assert ids(replace(make_run(20), attempts=make_run(20).attempts.slice(0, 0))) == {
        "NISTAML.022",
        "AML.T0015",
    }
