"""Steps that run, fail, hang and leave something behind; which are shell scripts here."""

import os
import select
import time
import unittest
from unittest import mock

from checks import runner
from samples import CheckTest, sh
from vlab.base.deadline import Deadline


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


class OneStep(CheckTest):
    def test_output_goes_to_log_and_terminal(self) -> None:
        self.check(sh("a", "echo out; echo err >&2"))
        self.assertEqual((self.folder / "a.log").read_text(), "out\nerr\n")
        self.assertRegex(self.output.text, r"== a\nout\nerr\n== a: \d+ s, ")

    def test_seconds_and_cpu_seconds(self) -> None:
        """The CPU seconds are those of an orphan here."""
        busy = "import time\nwhile time.process_time() < 0.5: pass"
        begin = time.monotonic()
        self.check(sh("a", f"(setsid python3 -c '{busy}' &)"))
        took = time.monotonic() - begin
        step = self.steps()["a"]
        self.assertEqual(step["verdict"], "passed")
        self.assertGreaterEqual(step["cpu_seconds"], 0.5)
        self.assertLessEqual(step["seconds"], took)
        self.assertGreaterEqual(step["seconds"], 0.5)

    def test_commands_run_until_one_fails(self) -> None:
        step = sh("a", "")
        commands = [["echo", "one"], ["sh", "-c", "exit 7"], ["echo", "two"]]
        self.check(type(step)("a", commands, step.budget))
        self.assertEqual((self.folder / "a.log").read_text(), "one\n")
        self.assertEqual(self.steps()["a"]["why"], "exit status 7")

    def test_one_that_is_killed(self) -> None:
        self.check(sh("a", "kill -SEGV $$"))
        self.assertEqual(self.steps()["a"]["why"], "exit status 139")

    def test_a_program_that_is_not_there(self) -> None:
        step = sh("a", "")
        self.check(type(step)("a", [["no-such-program"]], step.budget))
        self.assertEqual(self.verdicts(), {"a": "failed"})
        self.assertIn("cannot start no-such-program", (self.folder / "a.log").read_text())

    def test_standard_input_is_empty(self) -> None:
        self.check(sh("a", "cat"))
        self.assertEqual(self.verdicts(), {"a": "passed"})


class Ending(CheckTest):
    def test_of_one_that_has_just_ended(self) -> None:
        job = runner.Job(sh("a", "true"), self.folder / "a.log", time.monotonic())
        self.assertEqual(select.select([job.ended], [], [], 20)[0], [job.ended])
        job.end("late")
        self.assertEqual(job.finish().why, "late")

    def test_one_that_hangs_is_ended_and_the_rest_runs(self) -> None:
        report = self.check(sh("a", "echo hangs; sleep 1000", limit_s=0.5), sh("b", "true"))
        self.assertEqual(self.verdicts(), {"a": "failed", "b": "passed"})
        why = "took more than 0.5 s and was ended"
        self.assertEqual(self.steps()["a"]["why"], why)
        self.assertIn(f"== a: {why}; it ended with", list(report.summary()))

    def test_one_that_is_due_is_ended_however_late_it_began(self) -> None:
        self.check(sh("a", "sleep 0.3"), sh("b", "sleep 0.4", "a", background=True, due_s=0.5))
        self.assertEqual(self.verdicts(), {"a": "passed", "b": "failed"})
        why = "was not done 0.5 s into the check and was ended"
        self.assertEqual(self.steps()["b"]["why"], why)

    def test_one_that_has_always_more_to_say_is_ended_at_its_limit(self) -> None:
        flood = Deadline(10)

        def hear(job: runner.Job) -> bytes:
            ended = select.select([job.ended], [], [], 0)[0]
            return b"" if ended or not flood.remaining() else b"y\n"

        with mock.patch.object(runner.Job, "hear", hear):
            self.check(sh("a", "sleep 1000", limit_s=0.5))
        self.assertLess(self.steps()["a"]["seconds"], 10)
        self.assertEqual(self.steps()["a"]["why"], "took more than 0.5 s and was ended")

    def end(self, script: str) -> None:
        """`script` interrupts the check by $interrupt, once all is as the test wants it."""
        self.check(sh("a", f"cd {self.folder}\ninterrupt='kill -TERM {os.getpid()}'\n{script}"))
        self.assertEqual(self.steps()["a"]["why"], "interrupted by SIGTERM")

    def test_with_its_descendants(self) -> None:
        """One of them has a session of its own, one has lost its parent, one ignores SIGTERM."""
        with mock.patch.object(runner, "_GRACE_S", 0.5):
            self.end("""
                setsid sh -c 'echo $$ >session; exec sleep 1000' &
                (sleep 1000 & echo $! >orphan)
                sh -c 'trap "" TERM; echo $$ >deaf; while :; do sleep 0.1; done' &
                until [ -s session ] && [ -s orphan ] && [ -s deaf ]; do sleep 0.01; done
                $interrupt
                wait""")
        for name in ("session", "orphan", "deaf"):
            self.assertFalse(alive(int((self.folder / name).read_text())), name)

    def test_in_order(self) -> None:
        """As ci/lab does, which takes its labs down. The whole process group is told."""
        self.end("""
            trap : TERM
            export interrupt
            sh -c 'trap "sleep 0.3; echo told >child; exit" TERM
              $interrupt
              while :; do sleep 0.05; done' &
            wait
            wait
            cat child >mark""")
        self.assertEqual((self.folder / "mark").read_text(), "told\n")

    def test_what_a_step_leaves_running_fails_it(self) -> None:
        with mock.patch.object(runner, "_GRACE_S", 0.5):
            self.check(sh("a", f"sleep 1000 & echo $! >{self.folder}/pid"))
        self.assertEqual(self.verdicts(), {"a": "failed"})
        pid = int((self.folder / "pid").read_text())
        said = (self.folder / "a.log").read_text()
        self.assertIn(f"left running, and ended now: process {pid} (", said)
        self.assertFalse(alive(pid))


class Order(CheckTest):
    def test_what_needs_a_failed_step_does_not_run(self) -> None:
        report = self.check(
            sh("build", "false"), sh("test", "true", "build"), sh("more", "true", "test"),
            sh("other", "true"),
        )  # fmt: skip
        self.assertEqual(
            self.verdicts(),
            {"build": "failed", "test": "skipped", "more": "skipped", "other": "passed"},
        )
        self.assertEqual(self.steps()["test"]["why"], "build did not pass")
        self.assertRegex("\n".join(report.summary()), r"\ntest +- +not run: build did not pass\n")

    def test_the_background_runs_beside_the_others(self) -> None:
        """Each waits for the other; what the background says does not come in between."""
        wait = "i=0; until %s; do i=$((i + 1)); [ $i -lt 3000 ] || exit 1; sleep 0.02; done; "
        file, ended = self.folder / "file", f"""grep -q '"slow"' {self.folder}/steps.json"""
        self.check(
            sh("first", "true"),
            sh("slow", "echo said; " + wait % f"[ -e {file} ]", background=True),
            sh("quick", f"touch {file}; {wait % ended} echo quick"),
            sh("nice", "ps -o ni= -p $$", "slow", background=True),
        )
        self.assertEqual(set(self.verdicts().values()), {"passed"})
        # That the next one starts may be said at any time.
        said = self.output.text.replace("== nice (in the background)\n", "")
        self.assertIn("\nquick\n== quick: ", said)
        self.assertIn("\nsaid\n== slow: ", self.output.text)
        self.assertLess(self.output.text.index("\nquick\n"), self.output.text.index("\nsaid\n"))
        self.assertEqual((self.folder / "nice.log").read_text().strip(), "19")

    def test_the_foreground_waits_for_the_background_that_it_needs(self) -> None:
        file = self.folder / "made"
        self.check(
            sh("make", f"sleep 0.2; touch {file}", background=True),
            sh("use", f"test -e {file}", "make"),
        )
        self.assertEqual(self.verdicts(), {"make": "passed", "use": "passed"})


if __name__ == "__main__":
    unittest.main()
