"""Jobs on a Slurm cluster: an array with a task for each, and the same results as from the pool.

Everything goes through a folder that this machine and the nodes share. Each time a task is begun it
has a folder of its own in there, into which it writes its status last, in one step. The first whole
status of a task counts; whatever else of that task was begun counts for nothing. So a task may be
killed, requeued or run on a node that is cut off, and still there is one result.

The folder and the queue are looked at in intervals: inotify(7) says nothing of what other machines
write, and Slurm tells a submitter nothing (`sbatch --wait` asks too, every ten seconds).
"""

from __future__ import annotations

import json
import math
import os
import shlex
import shutil
import signal
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from vlab.base import progress, slurm_task
from vlab.base.deadline import Deadline
from vlab.base.errors import EXIT_LAB, LabError
from vlab.base.paths import REPOSITORY
from vlab.base.pool import Ended, Job
from vlab.base.slurm_queue import Entry, Queue, QueueError
from vlab.base.slurm_task import Attempt

_NAME = "zcrx-lab-"
_LOOK_S, _ASK_S = 0.5, 2.0  # at the folder; of the controller, which serves the whole cluster
_SILENT_S = 6 * slurm_task.BEAT_S  # then a task has died
_SETTLE_S = 60.0  # until a new file is seen by the clients of an NFS server (acdirmax of nfs(5))
_BEGIN_S = 300.0  # of a task, after the node's Prolog
_CONTROLLER_S = 300.0  # it may be restarted, or its machine
_END_S, _LEAVE_S = 60.0, 10.0  # tasks that are cancelled (KillWait is 30 s); that have a status
_MARGIN_S = 120.0  # what Slurm grants a task beyond the job's own limit, which is to come first
_MOST_LOSSES = 3
_IDLE_S = 10.0  # between one lab and the next none runs for a moment
_BEGINNING = ("PENDING", "CONFIGURING")
_UNSHARED, _NO_PROGRAM = 71, 72  # exit statuses of the script


class Slurm:
    """An engine for jobs whose folders and logs are below `folder`. `start_s`: the longest time in
    which no task runs."""

    def __init__(self, folder: Path, start_s: float) -> None:
        self._folder = folder
        self._start_s = start_s
        self._name = f"{_NAME}{uuid.uuid4().hex[:12]}"
        self._queue = Queue(self._name)
        self._queue.entries()  # a cluster that is not there is said before anything is built

    def run(
        self, jobs: Sequence[Job], at_once: int, *, begun: Callable[[Job], None] | None = None,
        ended: Callable[[Ended], None] | None = None,
    ) -> list[Ended]:  # fmt: skip
        """As pool.run. LabError where no node can run them: what has ended by then has its results."""
        with self._shared(jobs) as shared:
            whole = _Whole(jobs, at_once, self._queue, shared, self._script(shared), self._start_s)
            return whole.run(begun or (lambda _: None), ended or (lambda _: None))

    @contextmanager
    def _shared(self, jobs: Sequence[Job]) -> Iterator[Path]:
        for old in self._folder.glob(f".{_NAME}*"):  # of a run that was killed: this one has the folder
            Queue(old.name[1:]).cancel()
            shutil.rmtree(old, ignore_errors=True)
        shared = self._folder / f".{self._name}"
        shared.mkdir(parents=True)
        try:
            (shared / "name").write_text(f"{self._name}\n", encoding="ascii")
            jobs_file = shared / slurm_task.JOBS
            jobs_file.write_text(slurm_task.dump(jobs), encoding="utf-8")
            yield shared
        finally:
            shutil.rmtree(shared, ignore_errors=True)

    def _script(self, shared: Path) -> str:
        """A node may have a folder of that path that is another one."""
        name, ci = shlex.quote(str(shared / "name")), shlex.quote(str(REPOSITORY / "ci"))
        return "\n".join(
            [
                f'[ "$(cat {name} 2>/dev/null)" = {self._name} ] || exit {_UNSHARED}',
                f"[ -d {ci}/vlab ] || exit {_NO_PROGRAM}",
                f"PYTHONPATH={ci} PYTHONDONTWRITEBYTECODE=1 exec {shlex.quote(sys.executable)} "
                f"-m vlab.base.slurm_task {shlex.quote(str(shared))} >/dev/null 2>&1",
            ]
        )


@dataclass
class _Task:
    """One job. `beats`: what each attempt's said, and since when. `over_since`, `running_since`: when
    the latest array was first seen to be over without a status, to run without an attempt."""

    number: int
    job: Job
    begin: float = 0.0
    array: int = 0  # the latest; 0 until it is submitted
    losses: int = 0
    beats: dict[Attempt, tuple[int, float]] = field(default_factory=dict)
    dead: set[Attempt] = field(default_factory=set)
    over_since: float | None = None
    running_since: float | None = None
    last: Attempt | None = None
    ended: Ended | None = None


class _Whole:
    def __init__(
        self, jobs: Sequence[Job], at_once: int, queue: Queue, shared: Path, script: str, start_s: float
    ) -> None:  # fmt: skip
        self._tasks = [_Task(number, job) for number, job in enumerate(jobs)]
        self._at_once = at_once
        self._queue = queue
        self._shared = shared
        self._script = script
        self._printed = 0
        self._start = Deadline(start_s)
        self._controller = Deadline(_CONTROLLER_S)
        self._waits_for = ""
        limits = [math.inf if job.limit_s is None else job.limit_s for job in jobs]
        longest = max(limits, default=math.inf)
        self._minutes = None if longest == math.inf else math.ceil((longest + _MARGIN_S) / 60)

    def run(self, begun: Callable[[Job], None], ended: Callable[[Ended], None]) -> list[Ended]:
        done = False
        try:
            if self._tasks:
                self._submit(self._tasks)
            asked = 0.0
            while waiting := self._open():
                self._look(begun)
                if time.monotonic() - asked >= _ASK_S:
                    asked = time.monotonic()
                    self._ask()
                for task in waiting:
                    if task.ended is not None:
                        ended(task.ended)
                self._print()
                if self._open():
                    time.sleep(_LOOK_S)
            done = True
        finally:
            self._close(done)
        return [task.ended for task in self._tasks if task.ended is not None]

    def _open(self) -> list[_Task]:
        return [task for task in self._tasks if task.ended is None]

    def _submit(self, tasks: Sequence[_Task]) -> None:
        array = self._queue.submit(
            self._script, [task.number for task in tasks], self._at_once, self._minutes
        )
        for task in tasks:
            task.array = array
            task.over_since = task.running_since = None

    def _look(self, begun: Callable[[Job], None]) -> None:
        """What tasks have written."""
        now = time.monotonic()
        attempts = [Attempt.named(name) for name in os.listdir(self._shared)]
        for attempt in sorted(one for one in attempts if one):
            task = self._tasks[attempt.task]
            if task.ended is not None:
                continue
            if not task.begin:
                task.begin = now
                begun(task.job)
            task.last = attempt
            told = read(self._shared / str(attempt) / slurm_task.STATUS)
            if told is not None and told.status != -signal.SIGKILL:
                self._end(task, told.status, told.seconds, told.trouble, attempt)
                continue
            if attempt in task.dead:
                continue
            if told is not None:
                task.dead.add(attempt)
                if attempt.array == task.array:  # else it is run again already
                    self._lost(task, "the lab was killed")
                continue
            beat = _beat(self._shared / str(attempt) / slurm_task.BEAT)
            before, since = task.beats.get(attempt, (None, now))
            task.beats[attempt] = (beat, since if beat == before else now)
            if beat == before and now - since > _SILENT_S and attempt.array == task.array:
                if self._newest(attempt):
                    task.dead.add(attempt)
                    self._lost(task, f"the task has not been heard for {_SILENT_S:.0f} s")

    def _newest(self, attempt: Attempt) -> bool:
        """Of an array that Slurm has requeued, the attempts before are known to be over."""
        later = Attempt(attempt.task, attempt.array, attempt.restart + 1)
        return not (self._shared / str(later)).exists()

    def _ask(self) -> None:
        """What Slurm says of tasks that have no status."""
        try:
            entries = {(one.array, one.task): one for one in self._queue.entries()}
            if lost := [task for task in self._open() if not task.array]:
                self._submit(lost)
            self._controller = Deadline(_CONTROLLER_S)
        except QueueError as error:
            if self._controller.remaining() == 0:
                raise LabError(f"for {_CONTROLLER_S:.0f} s: {error}") from None
            self._note(str(error))
            return
        now = time.monotonic()
        found = [
            (task, entries.get((task.array, task.number)) or entries.get((task.array, None)))
            for task in self._open()
            if task not in lost
        ]
        for task, entry in found:
            if entry is not None and not entry.over:
                task.over_since = None
                # Slurm would begin it again only after the first credential has expired, in two
                # minutes. A task that is still heard runs on a node that Slurm has lost.
                if entry.reason == "BeginTime" and not self._heard(task):
                    self._again(task, "Slurm has taken it off a node")
                elif entry.held:
                    self._lost(task, f"Slurm holds it ({entry.reason})")
                elif entry.state == "RUNNING" and not self._has_begun(task):
                    task.running_since = task.running_since or now
                    if now - task.running_since > _BEGIN_S:
                        where = f"node {entry.node}"
                        self._lost(task, f"{where} has not begun it for {_BEGIN_S:.0f} s")
                continue
            if task.over_since is None:
                task.over_since = now
            elif entry is None:  # Slurm has forgotten it
                if now - task.over_since > _SETTLE_S:
                    self._lost(task, "the task ended without a status")
            else:
                self._judge(task, entry, now - task.over_since)
        self._tell_what_waits([entry for _, entry in found if entry is not None])

    def _judge(self, task: _Task, entry: Entry, since_s: float) -> None:
        """Of one that is over, and was so the last time."""
        where = f"node {entry.node}"
        if entry.status == _UNSHARED:
            raise LabError(
                f"{where} does not have this machine's {self._shared.parent}: choose a folder that "
                "all nodes share with --out"
            )
        if entry.status == _NO_PROGRAM:
            raise LabError(f"{where} has no {REPOSITORY}: the nodes need this checkout and its build")
        if entry.status > slurm_task.CANNOT_WRITE:
            why = os.strerror(entry.status - slurm_task.CANNOT_WRITE)
            trouble = f"{where} could not use {self._shared.parent}: {why}"
            self._end(task, EXIT_LAB, self._seconds(task), trouble, task.last)
        elif entry.state in ("TIMEOUT", "DEADLINE"):
            self._end(task, None, self._seconds(task), "", task.last)
        elif entry.state == "CANCELLED":
            self._end(task, EXIT_LAB, self._seconds(task), "somebody cancelled the task", task.last)
        elif entry.state != "COMPLETED" or since_s > _SETTLE_S:
            code = f", wait status {entry.exit_code}" * (entry.exit_code != 0)
            self._lost(task, f"{where} lost the task ({entry.state}{code})")

    def _tell_what_waits(self, entries: Sequence[Entry]) -> None:
        active = [entry for entry in entries if not entry.over]
        if not active or any(entry.state != "PENDING" for entry in active):
            self._start = Deadline(self._start.seconds)
            return
        reason = active[0].reason
        if self._start.seconds - self._start.remaining() > _IDLE_S:
            self._note(f"no lab runs, {len(active)} wait in Slurm's queue: {reason}")
        if self._start.remaining() == 0:
            raise LabError(f"no lab could run for {self._start.seconds:g} s, Slurm says: {reason}")

    def _note(self, text: str) -> None:
        """Once as long as it stays so."""
        if text != self._waits_for:
            self._waits_for = text
            progress.note(text)

    def _has_begun(self, task: _Task) -> bool:
        return any(attempt.array == task.array for attempt in task.beats)

    def _heard(self, task: _Task) -> bool:
        late = time.monotonic() - _SILENT_S
        return any(since > late for one, (_, since) in task.beats.items() if one not in task.dead)

    def _lost(self, task: _Task, why: str) -> None:
        task.losses += 1
        if task.losses == _MOST_LOSSES:
            trouble = f"{why}, for the {_MOST_LOSSES}rd time"
            self._end(task, EXIT_LAB, self._seconds(task), trouble, task.last)
        else:
            self._again(task, why)

    def _again(self, task: _Task, why: str) -> None:
        """As a new job; Slurm, which may not know yet that the old one is lost, forgets that."""
        progress.note(f"{task.job.name}: {why}; it is run again")
        try:
            self._queue.cancel(task.array, task.number)
        except QueueError as error:  # it is tried again at the end
            self._note(str(error))
        task.array = 0

    def _seconds(self, task: _Task) -> float:
        return time.monotonic() - task.begin if task.begin else 0.0

    def _end(
        self, task: _Task, status: int | None, seconds: float, trouble: str, attempt: Attempt | None
    ) -> None:
        if attempt is not None:
            _publish(task.job, self._shared / str(attempt))
            task.last = attempt
        task.ended = Ended(task.job, status, seconds, trouble)

    def _print(self) -> None:
        """Of jobs without a log, whole and in their order."""
        while self._printed < len(self._tasks) and self._tasks[self._printed].ended is not None:
            task = self._tasks[self._printed]
            self._printed += 1
            if task.job.log is None and task.last is not None:
                streams = ((slurm_task.STDOUT, sys.stdout), (slurm_task.STDERR, sys.stderr))
                for name, stream in streams:
                    text = _text(self._shared / str(task.last) / name)
                    stream.write(text)
                    stream.flush()

    def _close(self, done: bool) -> None:
        """Nothing of this run is left in the queue. Tasks that have a status end by themselves."""
        try:
            if done and self._gone(Deadline(_LEAVE_S), ("RUNNING",)):
                if not [one for one in self._queue.entries() if one.state in _BEGINNING]:
                    return
            self._queue.cancel()
            # What was interrupted has ended; what has results need not wait for a dead node.
            if not done and not self._gone(Deadline(_END_S), None):
                progress.note(f"Slurm has not ended {self._queue.name} within {_END_S:.0f} s")
        except QueueError as error:
            progress.note(f"jobs named {self._queue.name} may be left in Slurm's queue: {error}")

    def _gone(self, deadline: Deadline, states: Sequence[str] | None) -> bool:
        """Waits until no task is in one of `states`, of all in which a task is not over."""
        while True:
            entries = [one for one in self._queue.entries() if not one.over]
            if not [one for one in entries if states is None or one.state in states]:
                return True
            if deadline.remaining() == 0:
                return False
            time.sleep(_LOOK_S)


def _publish(job: Job, attempt: Path) -> None:
    """Puts what the attempt left behind where the job would have."""
    if job.folder is not None and (attempt / slurm_task.OUT).is_dir():
        shutil.rmtree(job.folder, ignore_errors=True)
        (attempt / slurm_task.OUT).rename(job.folder)
    if job.log is not None and (attempt / slurm_task.LOG).exists():
        (attempt / slurm_task.LOG).replace(job.log)


@dataclass(frozen=True)
class Told:
    status: int | None
    seconds: float
    trouble: str


def read(path: Path) -> Told | None:
    """None where there is no whole status."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        return Told(told["status"], told["seconds"], told["trouble"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _beat(path: Path) -> int:
    """Changes with each beat; a file that is opened shows what an NFS server has."""
    try:
        with open(path, "rb") as file:
            return os.fstat(file.fileno()).st_mtime_ns
    except OSError:
        return 0


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
