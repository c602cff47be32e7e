"""What Slurm's commands say, and what tasks write for the machine that submitted them."""

import errno
import json
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from vlab.base import pool, slurm, slurm_queue, slurm_task
from vlab.base.errors import LabError
from vlab.base.pool import Job
from vlab.base.slurm_queue import Entry, Queue, QueueError
from vlab.base.slurm_task import Attempt

_SQUEUE = """\
12|N/A|CANCELLED||0|Resources|
12|2|PENDING||0|Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority partitions|
12|1|RUNNING|n2|0|None|
12|0|FAILED|n1|18176|NonZeroExitCode|
"""


class Squeue(unittest.TestCase):
    def test_each_line_is_a_task(self) -> None:
        cancelled, pending, running, failed = slurm_queue.parse(_SQUEUE)
        self.assertEqual(cancelled, Entry(12, None, "CANCELLED", "", 0, "Resources"))
        self.assertEqual((pending.task, pending.state, pending.over), (2, "PENDING", False))
        self.assertTrue(pending.reason.endswith("higher priority partitions"), pending)
        self.assertEqual((running.node, running.over), ("n2", False))
        self.assertEqual((failed.over, failed.status), (True, 71))

    def test_a_signal_is_not_an_exit_status(self) -> None:
        (killed,) = slurm_queue.parse("12|0|FAILED|n1|9|JobLaunchFailure|\n")
        self.assertEqual((killed.exit_code, killed.status), (9, 0))

    def test_a_queue_may_be_empty(self) -> None:
        self.assertEqual(slurm_queue.parse(""), [])

    def test_a_separator_in_the_reason_is_part_of_it(self) -> None:
        (held,) = slurm_queue.parse("12|0|PENDING||0|an admin's | word|\n")
        self.assertEqual(held.reason, "an admin's | word")

    def test_slurm_holds_what_no_node_could_begin(self) -> None:
        for reason, held in (
            ("launch failed requeued held", True),
            ("JobHoldMaxRequeue", True),
            ("JobHeldAdmin", False),  # who did that will release it
            ("BeginTime", False),
            ("Resources", False),
        ):
            with self.subTest(reason):
                (entry,) = slurm_queue.parse(f"12|0|PENDING||0|{reason}|\n")
                self.assertEqual(entry.held, held)
        (over,) = slurm_queue.parse("12|0|CANCELLED||0|launch failed requeued held|\n")
        self.assertFalse(over.held)

    def test_anything_else_is_an_error_that_quotes_it(self) -> None:
        for line in ("slurm_load_jobs error: x", "12|0|RUNNING", "12|zero|RUNNING|n1|0|None|", "||||||"):
            with self.subTest(line), self.assertRaisesRegex(QueueError, "not a task") as caught:
                slurm_queue.parse(line)
            self.assertIn(line, str(caught.exception))


class Sentences(unittest.TestCase):
    def test_what_slurm_says_is_explained(self) -> None:
        for said, begins in (
            ("slurm_load_jobs error: Zero Bytes were transmitted or received", "Slurm does not take this machine's credential"),
            ("Munge encode failed:\n  no socket\nProtocol authentication error", "Slurm does not take this machine's credential"),
            ("Unable to contact slurm controller (connect failure)", "Slurm's controller does not answer"),
            ("timed out after 60 s: squeue", "Slurm's controller does not answer"),
            ("sbatch: error: invalid partition specified: x", "Slurm refused: "),
        ):  # fmt: skip
            with self.subTest(said):
                text = slurm_queue.sentence(said)
                self.assertTrue(text.startswith(begins), text)
                self.assertIn(said.split("\n")[-1], text)
                self.assertNotIn("\n", text)

    def test_without_slurm_the_first_command_that_lacks_is_named(self) -> None:
        with mock.patch.dict("os.environ", PATH="/nonexistent"):
            with self.assertRaisesRegex(LabError, "sbatch is not in PATH"):
                Queue("x")


class Attempts(unittest.TestCase):
    def test_a_name_stands_for_an_attempt(self) -> None:
        one = Attempt(3, 12, 1)
        self.assertEqual(Attempt.named(str(one)), one)

    def test_other_names_do_not(self) -> None:
        for name in ("jobs.json", "name", "3.12", "3.12.x", "3.12.1.part", ".3.12", "-3.12.1"):
            self.assertIsNone(Attempt.named(name), name)

    def test_slurm_says_no_restart_the_first_time(self) -> None:
        told = {"SLURM_ARRAY_TASK_ID": "3", "SLURM_ARRAY_JOB_ID": "12"}
        self.assertEqual(Attempt.of(told), Attempt(3, 12, 0))
        self.assertEqual(Attempt.of({**told, "SLURM_RESTART_COUNT": "2"}), Attempt(3, 12, 2))


class Task(unittest.TestCase):
    """A task as a node runs it, without Slurm: it is a process with some environment."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def run_task(self, *jobs: Job, task: int = 0) -> int | None:
        (self.folder / slurm_task.JOBS).write_text(slurm_task.dump(jobs), encoding="utf-8")
        environment = {"SLURM_ARRAY_TASK_ID": f"{task}", "SLURM_ARRAY_JOB_ID": "12"}
        command = [sys.executable, "-m", "vlab.base.slurm_task", str(self.folder)]
        with mock.patch.dict("os.environ", environment):
            (ended,) = pool.run([Job("task", command, 30.0, self.folder / "task.log")], 1)
        return ended.status

    def test_the_job_writes_into_a_folder_of_the_attempt(self) -> None:
        script = "import sys; print('said'); open(sys.argv[1], 'w').write('left'); sys.exit(3)"
        target = self.folder / "result"
        job = Job("a", [sys.executable, "-c", script, str(target)], 20.0, self.folder / "a.log", target)
        self.assertEqual(self.run_task(Job("other", ["false"]), job, task=1), 0)
        attempt = self.folder / "1.12.0"
        self.assertEqual((attempt / slurm_task.OUT).read_text("utf-8"), "left")
        self.assertEqual((attempt / slurm_task.LOG).read_text("utf-8"), "said\n")
        told = json.loads((attempt / slurm_task.STATUS).read_text("utf-8"))
        self.assertEqual((told["status"], told["trouble"]), (3, ""))
        self.assertFalse(target.exists())

    def test_a_job_that_times_out_has_no_status(self) -> None:
        self.assertEqual(self.run_task(Job("a", ["sleep", "60"], 0.5, self.folder / "a.log")), 0)
        told = json.loads((self.folder / "0.12.0" / slurm_task.STATUS).read_text("utf-8"))
        self.assertIsNone(told["status"])

    def test_a_program_that_the_node_lacks_is_told(self) -> None:
        self.assertEqual(self.run_task(Job("a", ["/nonexistent"], None, self.folder / "a.log")), 0)
        told = json.loads((self.folder / "0.12.0" / slurm_task.STATUS).read_text("utf-8"))
        self.assertEqual(told["trouble"], "cannot start /nonexistent: No such file or directory")

    def test_a_second_attempt_of_the_same_name_has_a_folder_of_its_own(self) -> None:
        for _ in range(2):
            self.assertEqual(self.run_task(Job("a", ["true"])), 0)
        for name in ("0.12.0", "0.12.1"):
            self.assertTrue((self.folder / name / slurm_task.STATUS).exists(), name)

    def test_a_folder_that_takes_nothing_is_an_exit_status(self) -> None:
        (self.folder / slurm_task.JOBS).mkdir()  # read as a file it fails, also for root
        environment = {"SLURM_ARRAY_TASK_ID": "0", "SLURM_ARRAY_JOB_ID": "12"}
        command = [sys.executable, "-m", "vlab.base.slurm_task", str(self.folder)]
        with mock.patch.dict("os.environ", environment):
            (ended,) = pool.run([Job("task", command, 30.0, self.folder / "task.log")], 1)
        self.assertEqual(ended.status, slurm_task.CANNOT_WRITE + errno.EISDIR)


class Status(unittest.TestCase):
    def test_what_is_not_whole_is_not_there(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            path = Path(name) / "status"
            whole = '{"status": 0, "seconds": 1.5, "trouble": "", "node": "n1"}'
            self.assertIsNone(slurm.read(path))
            for text in ("", whole[:20], "[]", "0", '{"status": 0}', '"x"'):
                path.write_text(text, encoding="utf-8")
                self.assertIsNone(slurm.read(path), text)
            path.write_text(whole, encoding="utf-8")
            told = slurm.read(path)
            assert told is not None
            self.assertEqual((told.status, told.seconds), (0, 1.5))


if __name__ == "__main__":
    unittest.main()
