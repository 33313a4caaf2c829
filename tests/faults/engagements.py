"""Faults that would let something be sent that nobody allowed, or be changed unseen."""

from __future__ import annotations

from tests.faults.fault import Fault

PURSE, PERMIT = "tests/engagement/test_purse.py", "tests/engagement/test_permit.py"
REMOTE, LOG = "tests/models/remote/test_remote.py", "tests/storage/test_audit_log.py"
PLACES, FAILURES = "tests/models/remote/test_remote_places.py", "tests/models/remote/test_remote_failures.py"
COMMAND = "tests/cli/test_engagement.py"

ENGAGEMENTS = (
    Fault(
        "the count of queries is not locked",
        "engagement/purse.py",
        "fcntl.flock(lock, fcntl.LOCK_EX)",
        "pass",
        (PURSE,),
    ),
    Fault(
        "the search spends what is held back",
        "engagement/purse.py",
        "- (mine if held else 0)",
        "- mine",
        (PURSE,),
    ),
    Fault(
        "a minute is forgotten after half of it",
        "engagement/purse.py",
        "now - MINUTE <= int(second)",
        "now - MINUTE // 2 <= int(second)",
        (PURSE,),
    ),
    Fault(
        "a damaged count begins anew",
        "engagement/purse.py",
        "            count = None\n",
        '            count = {"queries": 0, "held": {}, "sent": {}}\n',
        (PURSE,),
    ),
    Fault(
        "setting the clock back opens the window again",
        "engagement/permit.py",
        "max(time.time(), wall + time.monotonic() - monotonic)",
        "time.time()",
        (PERMIT,),
    ),
    Fault(
        "one address of this machine makes a name this machine",
        "engagement/permit.py",
        "not all(map(is_loopback",
        "not any(map(is_loopback",
        (PLACES,),
    ),
    Fault(
        "a star reaches past its part",
        "engagement/targets.py",
        "len(pattern) == len(parts) and all(",
        "all(",
        ("tests/engagement/test_terms.py",),
    ),
    Fault(
        "redirects are followed",
        "models/remote/wire.py",
        "follow_redirects=False",
        "follow_redirects=True",
        (FAILURES,),
    ),
    Fault(
        "proxies of the environment are used",
        "models/remote/wire.py",
        "trust_env=False",
        "trust_env=True",
        (PLACES,),
    ),
    Fault(
        "a name is looked up again for each request",
        "models/remote/wire.py",
        "for number in permit.numbers:",
        "for number in __import__('sparring.engagement').engagement.resolved(address):",
        (PLACES,),
    ),
    Fault(
        "what is sent again is not paid",
        "models/remote/wire.py",
        "        pay()\n",
        "        turn == 1 and pay()\n",
        (FAILURES,),
    ),
    Fault(
        "batches for an address are filled up",
        "models/canonical.py",
        'if getattr(model, "padded", True) else 1',
        "if True else 1",
        (REMOTE,),
    ),
    Fault(
        "nothing is held back for verification",
        "models/remote/target.py",
        "not purse.hold(queries)",
        "not purse.hold(0)",
        (COMMAND,),
    ),
    Fault(
        "what nobody could verify counts as withstood",
        "evaluation/search/searching.py",
        "over = ~held.risk.isnan() if bool(ledger.finished.all()) else stands",
        "over = torch.ones_like(held.holds)",
        (COMMAND,),
    ),
    Fault(
        "less is written over more",
        "finishing.py",
        "_richer(out, found) or _finished",
        "_finished",
        (COMMAND,),
    ),
    Fault(
        "the chain is not followed",
        "storage/audit_log.py",
        'entry["previous"] != before',
        'len(entry["previous"]) != len(before)',
        (LOG,),
    ),
    Fault(
        "sealed files are not looked at",
        "storage/audit_log.py",
        "elif _digest(folder / name) != digest:",
        "elif False:",
        (LOG,),
    ),
)
