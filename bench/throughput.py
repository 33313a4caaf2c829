"""How much of what a client can ask of a server on this machine is left when an attack asks.

    .venv/bin/python bench/throughput.py --samples 64 --queries 100

A process of its own serves the net over the Open Inference Protocol (the server of the tests). The same client asks
about the same number of points twice per round: all at once, and by turns as the suite `blackbox` goes on from answer
to answer. Printed is the share of queries per second that the attack reaches, by round and their median; and the share
of the attack's time that passes inside the client, which other work on the machine disturbs less.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median

import torch
from _data import found

from sparring.attacks.suites import Stage, stages_for, within
from sparring.data import load_data
from sparring.draws import Draws, row_keys
from sparring.engine import Task, search
from sparring.models import load_model
from sparring.models.canonical import show
from sparring.threat import Untargeted, parse_threat

BATCH = 64

METADATA = {"outputs": [{"name": "scores", "datatype": "FP32", "shape": [-1, 10]}]}


def main() -> None:
    """Serve, ask, print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--model", default="cifar10_sri_resnet_a")
    options.add_argument("--threat", default="linf:4/255")
    options.add_argument("--samples", type=int, default=64)
    options.add_argument("--queries", type=int, default=100, help="per sample")
    options.add_argument("--rounds", type=int, default=5)
    asked = options.parse_args()
    torch.set_num_threads(1)
    samples = load_data(found("data/cifar10/test_lossless_500.npz")).limit(asked.samples)
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    server = multiprocessing.get_context("spawn").Process(
        target=_serve, args=(str(found(f"models/{asked.model}.pt2")), list(samples.inputs.shape[1:]), theirs)
    )
    server.start()
    try:
        model = load_model(ours.recv())
        threat = parse_threat(asked.threat).bind(samples.inputs, samples.domain)
        draws = Draws(row_keys(0, samples.ids))
        task = Task(samples.inputs, Untargeted(samples.labels), threat, draws)
        for stage in within(stages_for("blackbox", threat.norm), asked.queries):
            _compare(model, task, stage, asked.rounds)
    finally:
        ours.send("over")
        server.join()


def _compare(model, task: Task, stage: Stage, rounds: int) -> None:
    """Print what a stage reaches."""
    shares, inside = [], []

    def watched(points: torch.Tensor) -> torch.Tensor:
        began = time.perf_counter()
        answers = model(points)
        inside[-1] += time.perf_counter() - began
        return answers

    watched.padded = False  # type: ignore[attr-defined]  # as the client says of itself
    for _ in range(rounds):
        inside.append(0.0)
        began = time.perf_counter()
        result = search(watched, task, stage.attack, retire="never", batch=BATCH)
        queries, attacked = int(result.forwards.sum()), time.perf_counter() - began
        points = task.inputs.repeat(-(-queries // len(task)), 1, 1, 1)[:queries]
        began = time.perf_counter()
        for part in points.split(BATCH):
            show(model, part)
        alone = time.perf_counter() - began
        shares.append(alone / attacked)
        inside[-1] /= attacked
        print(
            f"  {stage.name}: {queries / attacked:.0f} queries a second, alone {queries / alone:.0f}",
            flush=True,
        )
    print(f"{stage.name}: {median(shares):.1%} of what the client reaches alone ({len(shares)} rounds)")
    print(f"{stage.name}: {median(inside):.1%} of its time passes inside the client", flush=True)


def _serve(path: str, shape: list[int], line: Connection) -> None:
    """Serve a net until told that it is over."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from tests.models.server import Behaviour, serving

    torch.set_num_threads(1)
    net = torch.export.load(path).module()

    def answer(points: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return net(points)

    with serving(Behaviour(answer, [-1, *shape], metadata=METADATA)) as server:
        line.send(server.address)
        line.recv()


if __name__ == "__main__":
    main()
