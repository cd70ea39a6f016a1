"""Supervision, with small programs in place of servers."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from fitly.local.errors import EXIT_CONFIG, EXIT_UNREACHABLE, RoleFailedError
from fitly.local.leftovers import end_leftovers, identity, leftovers, record
from fitly.local.roles import Backoff, Restart, Role, run_to_end
from fitly.local.supervisor import Phase, Supervisor

AT_ONCE = Backoff(first=0.01, longest=0.05)
SLEEP = "import time; time.sleep(3600)"


class Heard:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)

    def progress(self, what: str, done: int, total: int) -> None:
        raise AssertionError(what, done, total)


def python(program: str) -> tuple[str, ...]:
    return (sys.executable, "-c", program)


async def eventually(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in other processes
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def supervisor(
    directory: Path, heard: Heard, failures: list[RoleFailedError] | None = None
) -> AsyncIterator[Supervisor]:
    on_failure = (failures if failures is not None else []).append
    supervisor = Supervisor(directory, heard, on_failure=on_failure)
    try:
        yield supervisor
    finally:
        await supervisor.stop()
    assert not leftovers(directory)


async def test_a_role_that_dies_is_started_again_and_somebody_is_told(tmp_path: Path) -> None:
    heard = Heard()
    async with supervisor(tmp_path, heard) as watched:
        await watched.start(Role("worker", python(SLEEP), backoff=AT_ONCE))
        (before,) = watched.statuses
        watched.send("worker", signal.SIGKILL)
        await eventually(lambda: watched.statuses[0].pid not in {None, before.pid})
        assert watched.statuses[0].restarts == 1
    assert "worker died (signal SIGKILL); restarting in 0.01 s" in heard.lines[0]


async def test_waits_between_restarts_double(tmp_path: Path) -> None:
    heard = Heard()
    role = Role("worker", python("import sys; sys.exit(1)"), backoff=Backoff(first=0.001, longest=0.004))
    async with supervisor(tmp_path, heard) as watched:
        await watched.start(role)
        await eventually(lambda: len(heard.lines) >= 4)
    waits = [line.split("restarting in ")[1].split(" s")[0] for line in heard.lines[:4]]
    assert waits == ["0.001", "0.002", "0.004", "0.004"]


async def test_health_makes_the_waits_short_again(tmp_path: Path) -> None:
    heard = Heard()
    role = Role("worker", python("import sys; sys.exit(1)"), backoff=Backoff(first=0.001, reset_after=0.0))
    async with supervisor(tmp_path, heard) as watched:
        await watched.start(role)
        await eventually(lambda: len(heard.lines) >= 3)
    assert all("restarting in 0.001 s" in line for line in heard.lines[:3])


async def test_an_exit_that_a_restart_cannot_help_is_final_and_shows_the_last_lines(tmp_path: Path) -> None:
    failures: list[RoleFailedError] = []
    async with supervisor(tmp_path, Heard(), failures) as watched:
        await watched.start(Role("worker", python("import sys; print('no key: make one'); sys.exit(2)")))
        await eventually(lambda: bool(failures))
        assert watched.statuses[0].phase is Phase.FAILED
    assert failures[0].exit_code == EXIT_CONFIG
    assert "no key: make one" in str(failures[0])


async def test_a_role_that_never_gets_ready_fails_after_three_tries(tmp_path: Path) -> None:
    async def never() -> bool:
        return False

    role = Role("worker", python("print('port in use'); raise SystemExit(1)"), ready=never, backoff=AT_ONCE)
    async with supervisor(tmp_path, Heard()) as watched:
        with pytest.raises(RoleFailedError, match=r"worker does not start: 3 tries[^#]*port in use") as failure:
            await watched.start(role)
    assert failure.value.exit_code == EXIT_UNREACHABLE


async def test_a_start_that_takes_too_long_is_killed_and_tried_again(tmp_path: Path) -> None:
    tries: list[int] = []

    async def ready() -> bool:
        tries.append(1)
        return len(tries) > 3

    heard = Heard()
    role = Role("worker", python(SLEEP), ready=ready, start_seconds=0.01, backoff=AT_ONCE)
    async with supervisor(tmp_path, heard) as watched:
        await watched.start(role)
        assert watched.statuses[0].phase is Phase.RUNNING
    assert any("not ready after 0.01 s, killed" in line for line in heard.lines)


async def test_a_role_may_finish(tmp_path: Path) -> None:
    async with supervisor(tmp_path, Heard()) as watched:
        await watched.start(Role("simulator", python("pass"), restart=Restart.ON_FAILURE))
        await eventually(lambda: watched.statuses[0].phase is Phase.FINISHED)


async def test_a_program_that_does_not_exist_is_named_in_its_log(tmp_path: Path) -> None:
    async def never() -> bool:
        return False

    async with supervisor(tmp_path, Heard()) as watched:
        with pytest.raises(RoleFailedError, match="cannot run no-such-program: No such file"):
            await watched.start(Role("worker", ("no-such-program",), ready=never, backoff=AT_ONCE))


async def test_roles_stop_in_reverse_order(tmp_path: Path) -> None:
    ended = tmp_path / "ended"
    says = (
        "import signal, sys, time\n"
        "def end(*_):\n    open({path!r}, 'a').write({name!r} + ' ')\n    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end)\nopen({path!r} + {name!r}, 'w')\ntime.sleep(3600)"
    )
    async with supervisor(tmp_path, Heard()) as watched:
        for name in ("first", "second", "third"):
            await watched.start(Role(name, python(says.format(path=str(ended), name=name))))
            await eventually(Path(f"{ended}{name}").exists)
    assert ended.read_text() == "third second first "


async def test_a_role_that_ignores_the_request_or_was_stopped_is_ended_all_the_same(tmp_path: Path) -> None:
    deaf = (
        f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); open({str(tmp_path / 'deaf')!r}, 'w'); {SLEEP}"
    )
    async with supervisor(tmp_path, Heard()) as watched:
        await watched.start(Role("deaf", python(deaf), stop_seconds=0.1))
        await watched.start(Role("frozen", python(SLEEP)))
        await eventually((tmp_path / "deaf").exists)
        watched.send("frozen", signal.SIGSTOP)


async def test_children_of_a_role_go_with_it(tmp_path: Path) -> None:
    child = tmp_path / "child"
    program = (
        "import subprocess, sys, time, pathlib\n"
        f"child = subprocess.Popen([sys.executable, '-c', {SLEEP!r}])\n"
        f"draft = pathlib.Path({str(child)!r} + '.draft')\n"
        f"draft.write_text(str(child.pid)); draft.rename({str(child)!r})\n"
        "time.sleep(3600)"
    )
    async with supervisor(tmp_path, Heard()) as watched:
        await watched.start(Role("worker", python(program)))
        await eventually(child.exists)
        pid = int(child.read_text())
        assert identity(pid) is not None
    await eventually(lambda: identity(pid) is None)


async def test_a_removed_role_is_stopped_and_forgotten(tmp_path: Path) -> None:
    async with supervisor(tmp_path, Heard()) as watched:
        await watched.start(Role("worker", python(SLEEP)))
        pid = watched.statuses[0].pid
        await watched.remove("worker")
        assert watched.statuses == ()
        assert pid is not None
        assert identity(pid) is None


async def test_two_roles_of_one_name_are_refused(tmp_path: Path) -> None:
    async with supervisor(tmp_path, Heard()) as watched:
        await watched.start(Role("worker", python(SLEEP)))
        with pytest.raises(ValueError, match="a role 'worker' already"):
            await watched.start(Role("worker", python(SLEEP)))


@pytest.mark.parametrize("name", ["", "../other", ".hidden"])
def test_a_role_name_must_do_as_a_file_name(name: str) -> None:
    with pytest.raises(ValueError, match="file name"):
        Role(name, ("true",))


async def test_what_an_earlier_run_left_is_ended_and_nothing_else(tmp_path: Path) -> None:
    ours = await asyncio.create_subprocess_exec(*python(SLEEP), start_new_session=True)
    another = await asyncio.create_subprocess_exec(*python(SLEEP), start_new_session=True)
    try:
        record(tmp_path, {"kafka": ours.pid, "postgres": another.pid})
        file = tmp_path / "processes.json"
        proof = identity(another.pid)
        assert proof is not None
        file.write_text(file.read_text().replace(proof, "an earlier process of that number"))
        assert leftovers(tmp_path) == {"kafka": ours.pid}
        ending = asyncio.create_task(ours.wait())
        assert await end_leftovers(tmp_path) == ["kafka"]
        assert await ending == -signal.SIGKILL
        assert identity(another.pid) is not None
    finally:
        another.kill()
        await another.wait()


async def test_a_helper_that_is_no_longer_wanted_is_killed(tmp_path: Path) -> None:
    started = tmp_path / "started"
    program = f"import os; open({str(started)!r}, 'w').write(str(os.getpid())); {SLEEP}"
    helper = asyncio.create_task(run_to_end(python(program)))
    await eventually(lambda: started.exists() and started.read_text() != "")
    helper.cancel()
    with pytest.raises(asyncio.CancelledError):
        await helper
    assert identity(int(started.read_text())) is None
