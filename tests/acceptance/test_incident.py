"""`scripts/incident.py`, from its start to its end."""

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from incident_check import Checked, Fate, check, checked
from incident_model import Trouble
from incident_note import IncidentError, Note, read_note
from incident_traffic import incident
from processes import eventually, exit_code, process
from web import get

from signoff_ops.dead_letters import choose
from signoff_ops.operating import Operator, discard, replay
from signoff_ops.reconcile import reconcile
from signoff_ops.servers import DirectServers
from signoff_ops.values import Selection

SCRIPT = Path(__file__).parents[2] / "scripts" / "incident.py"
SEED = 3
EVENTS = 150


def test_an_incident_is_understood_and_put_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Upstreams mend what is theirs; the check says what is left, and that nothing is lost."""
    monkeypatch.chdir(tmp_path)
    log = tmp_path / "incident.log"
    command = [str(SCRIPT), str(SEED), f"--events={EVENTS}", "--minute=0.2"]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SIGNOFF_")}
    quick = {"SIGNOFF_RETRY_ATTEMPTS": "1", "SIGNOFF_RETRY_DELAY": "0.1"}
    with process(sys.executable, *command, env=clean | quick, log=log) as running:
        eventually(lambda: "Ctrl-C ends it." in text_of(log), what="it runs", log=log)
        note = read_note(SEED)
        (link,) = [line.split()[-1] for line in text_of(log).splitlines() if "token=" in line]
        assert get(link).is_success
        eventually(
            lambda: upstreams_are_done(look(note)),
            what="upstreams mend theirs",
            saw=lambda: look(note),
        )
        found = look(note)
        assert found.audit.clean
        assert not found.right
        assert found.fates[Trouble.OUTBOX] == Counter({Fate.IN_OUTBOX: 6})
        assert found.fates[Trouble.CRASH_LOOP] == Counter({Fate.OPEN: 6})
        assert check(note) == 1

        put_right(DirectServers(note.settings))
        eventually(lambda: settled(look(note)), what="all is settled", saw=lambda: look(note))
        # Events of the slow clock apply only after real minutes: here they were discarded.
        assert look(note).fates[Trouble.SLOW_CLOCK] == Counter({Fate.DISCARDED: 6})
        assert not look(note).right

        running.send_signal(signal.SIGINT)
        assert exit_code(running, log=log) == 0
    with pytest.raises(IncidentError, match="no incident of seed 3 runs"):
        read_note(SEED)


def test_the_solution_is_told_without_servers() -> None:
    """Each trouble with what is right to do."""
    told = subprocess.run(
        [sys.executable, SCRIPT, str(SEED), "--events=300", "--solution"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert all(trouble in told for trouble in Trouble)
    assert told.count("Right: ") == len(Trouble)


def text_of(log: Path) -> str:
    """What it printed so far."""
    return log.read_text("utf-8")


def look(note: Note) -> Checked:
    """The state of the incident."""
    return checked(DirectServers(note.settings), incident(note.seed, note.events, note.start))


def upstreams_are_done(found: Checked) -> bool:
    """Whether all is sent, and nothing is on its way or will be mended by itself."""
    bad, rows = (found.fates[trouble] for trouble in (Trouble.BAD_RELEASE, Trouble.MISSING_ROWS))
    under_way = {fate for fates in found.fates.values() for fate in fates}
    return (
        not under_way & {Fate.TO_COME, Fate.ON_QUEUE}
        and bad[Fate.OPEN] == 2
        and rows[Fate.OPEN] + rows[Fate.APPLIED] == 6
    )


def put_right(servers: DirectServers) -> None:
    """Replay all that applies, requeue the outbox, and discard the rest."""
    assert reconcile(servers).complete
    operator = Operator("ann", "put right")
    replay(servers, choose(servers, Selection()).ids, operator, keep_going=True)
    discard(servers, choose(servers, Selection()).ids, operator)


def settled(found: Checked) -> bool:
    """Whether no event is open or on its way, and none is lost."""
    fates = {fate for counted in found.fates.values() for fate in counted}
    return fates <= {Fate.APPLIED, Fate.SETTLED, Fate.DISCARDED} and found.audit.clean
