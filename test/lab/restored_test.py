"""Guests restored from a snapshot: as if each had booted for its lab alone."""

import os
import time
import unittest

from harness import LabTest, link_cache

# Printed by both guests: what must not be the same in two labs, and what must be right in each.
_SCRIPT = """\
look='cat /proc/sys/kernel/random/uuid /proc/sys/kernel/random/boot_id
  head -c 16 /dev/urandom | od -A n -t x1; md5sum </etc/lab/ssh_host_ed25519_key'
sh -c "$look"
ssh root@198.51.100.2 "$look"
cp /etc/lab/authorized_keys /results
date +%s
find / -xdev -name '*.cpio' ! -path '/proc/*'
ls -d /lab
"""


class Restored(LabTest):
    def test_two_labs_share_no_secret_and_know_the_time(self) -> None:
        seen: list[str] = []
        for _ in range(2):
            begin = time.time()
            done = self.lab("exec", "--", "sh", "-c", _SCRIPT)
            self.assertEqual(done.stderr.count("ls: /lab: No such file"), 1, done.stderr)
            *secrets, date = done.stdout.splitlines()
            self.assertEqual(len(secrets), 8, done.stdout)
            self.assertGreaterEqual(int(date), int(begin) - 1)
            self.assertLessEqual(int(date), time.time() + 1)
            for guest in ("dut", "peer"):
                # By itself the kernel may seed them anew too late, or just in time.
                console = (self.out / f"{guest}-console.log").read_text(errors="replace")
                self.assertIn("crng reseeded due to virtual machine fork", console)
            seen += [*secrets, (self.out / "dut/authorized_keys").read_text("utf-8")]
        self.assertEqual(len(set(seen)), len(seen), seen)

    def test_a_broken_snapshot_is_made_anew(self) -> None:
        own = self.folder / "cache/zcrx-hwtest"
        link_cache(own)
        changes = {"XDG_CACHE_HOME": str(self.folder / "cache")}
        self.assertIn("booting both guests once", self.lab("exec", "--", "true", **changes).stderr)
        self.assertNotIn("booting", self.lab("exec", "--", "true", **changes).stderr)
        (saved,) = own.glob("guests/*/dut.ram")
        with open(saved, "r+b") as file:
            file.seek(os.lseek(file.fileno(), 64 << 20, os.SEEK_DATA))
            file.write(b"something else")
        done = self.lab("exec", "--", "echo", "up", **changes)
        self.assertIn("is broken, and made anew", done.stderr)
        self.assertEqual((done.stdout, done.returncode), ("up\n", 0), done.stderr)
        self.assert_nothing_left()


if __name__ == "__main__":
    unittest.main()
