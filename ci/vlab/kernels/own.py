"""Kernels of the user's own: a built tree, a package of `make bindeb-pkg`, an image."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vlab.base import cache, progress
from vlab.base.deadline import Deadline
from vlab.base.errors import LabError, UsageError
from vlab.base.paths import REPOSITORY
from vlab.base.process import capture
from vlab.kernels import bzimage, config, parts
from vlab.kernels.kernel import Kernel
from vlab.kernels.parts import Parts

_FOR_LAB = REPOSITORY / "conf/kernel/lab.config"
_FOR_SUITE = REPOSITORY / "conf/kernel/suite.config"
_RELEASE = "release"
_TREE_IMAGES = ("arch/x86/boot/bzImage", "vmlinux")
_COMPRESSIONS = (".ko", ".xz", ".gz", ".zst")
_SLOW = {"CONFIG_KASAN", "CONFIG_KCSAN"}
_UNPACK_S = 120


@dataclass(frozen=True)
class _Build:
    """`builtin`: the names of modules that the image holds; None: not known."""

    release: str
    parts: Parts
    builtin: frozenset[str] | None = None
    config: Path | None = None


def get(path: Path, modules: Sequence[str]) -> Kernel:
    """The kernel at `path` with `modules` and all that they depend on. UsageError where it is none
    that guests can boot."""
    key = _key(path, modules)
    target = cache.folder() / "kernels" / f"{path.name}-{key}"
    with cache.once(target) as partial:
        if partial is not None:
            release = _unpack(path, modules, partial)
            if _key(path, modules) != key:
                raise _changed(path)
            (partial / _RELEASE).write_text(release, encoding="utf-8")
    return _kernel((target / _RELEASE).read_text(encoding="utf-8"), target)


def unpacked(path: Path, modules: Sequence[str], target: Path) -> Kernel:
    """The same in `target`, an empty folder, and not in the cache: for a kernel that is used once."""
    return _kernel(_unpack(path, modules, target), target)


def _kernel(release: str, folder: Path) -> Kernel:
    return replace(parts.kernel(release, folder), is_own=True)


def _unpack(path: Path, modules: Sequence[str], target: Path) -> str:
    """Returns its release."""
    raw = target / "raw"
    raw.mkdir()
    build = _build(path, raw)
    has = _checked(path, build, modules)
    parts.reduce(build.parts, modules, target)
    if not _SLOW.isdisjoint(has):
        (target / parts.SLOW).touch()
    wanted = {name: config.read(fragment) for name, fragment in config.options().items()}
    options = [name for name, fragment in wanted.items() if not config.lacks(has, fragment)]
    (target / parts.OPTIONS).write_text("\n".join(options), encoding="utf-8")
    shutil.rmtree(raw)
    return build.release


def with_module(kernel: Kernel, file: Path) -> Kernel:
    """`kernel` with `file` in place of its module of that name. UsageError where it is not one."""
    content = parts.read_module(file)
    release = parts.information(content, "vermagic").partition(" ")[0]
    if release != kernel.release:
        raise UsageError(f"{file} is built for Linux {release or '?'}, not {kernel.release}")
    name = f"{parts.module_name(file)}.ko"
    if name not in (module.name for module in kernel.modules):
        loaded = " ".join(module.name for module in kernel.modules)
        raise UsageError(f"{file}: the lab does not load {name}; it loads {loaded}")
    target = cache.folder() / "kernels" / f"{file.name}-{_key(file, [])}"
    with cache.once(target) as partial:
        if partial is not None:
            parts.write_module(content, partial / name)
            if parts.read_module(file) != content:
                raise _changed(file)
    modules = [target / name if module.name == name else module for module in kernel.modules]
    return replace(kernel, modules=modules)


def _changed(path: Path) -> LabError:
    return LabError(f"{path} changed while it was read: it is being built")


def _key(path: Path, modules: Sequence[str]) -> str:
    """Of all that `make` may have made anew, and of what is said of it."""
    digest = hashlib.sha256(f"{path}\0{' '.join(modules)}\0".encode())
    for fragment in config.options().values():
        digest.update(fragment.read_bytes())
    files = [path]
    if path.is_dir():
        made = [path / name for name in (*_TREE_IMAGES, ".config", "modules.builtin")]
        files = [file for file in (*made, *_tree_modules(path)) if file.exists()]
    for file in files:
        found = file.stat()
        digest.update(f"{file} {found.st_size} {found.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:12]


def _build(path: Path, raw: Path) -> _Build:
    if path.is_dir():
        return _tree(path)
    if path.suffix == ".deb":
        return _package(path, raw)
    return _Build(bzimage.release(path), Parts(path, []))


def _tree(tree: Path) -> _Build:
    images = [tree / name for name in _TREE_IMAGES if (tree / name).exists()]
    if not images:
        if not (tree / "Kbuild").exists():
            raise UsageError(f"{tree} is not a kernel tree")
        names = " or ".join(_TREE_IMAGES)
        raise UsageError(f"{tree} is not built for x86-64: it has no {names}; run make there")
    modules = [file for file in _tree_modules(tree) if file.exists()]
    image = max(images, key=lambda path: path.stat().st_mtime_ns)  # one may be of an earlier make
    return _Build(
        bzimage.release(image), Parts(image, modules),
        _builtin(tree / "modules.builtin"), tree / ".config",
    )  # fmt: skip


def _tree_modules(tree: Path) -> list[Path]:
    """As modules_install finds them. The list names objects from 6.3 on, modules before."""
    order = tree / "modules.order"
    if not order.exists():
        return []
    lines = map(Path, order.read_text(encoding="utf-8", errors="replace").split())
    return [(tree / line).with_suffix(".ko") for line in lines if line.name]


def _package(package: Path, raw: Path) -> _Build:
    try:
        capture(["dpkg-deb", "--extract", package, raw], Deadline(_UNPACK_S))
    except LabError as error:
        raise UsageError(f"{package}: cannot be unpacked: {error}") from error
    images = sorted(raw.glob("boot/vmlinuz-*"))
    if not images:
        raise UsageError(f"{package} is not a package of a kernel: it has no boot/vmlinuz-*")
    release = bzimage.release(images[0])
    modules = [path for path in raw.rglob("*.ko*") if path.suffix in _COMPRESSIONS]
    folders = [raw / "lib/modules" / release, raw / "usr/lib/modules" / release]
    builtin = next((path for path in folders if path.is_dir()), raw) / "modules.builtin"
    return _Build(
        release, Parts(images[0], modules), _builtin(builtin), raw / f"boot/config-{release}"
    )


def _builtin(listing: Path) -> frozenset[str] | None:
    if not listing.exists():
        return None
    lines = listing.read_text(encoding="utf-8", errors="replace").split()
    return frozenset(parts.module_name(Path(line)) for line in lines)


def _checked(path: Path, build: _Build, modules: Sequence[str]) -> Mapping[str, str]:
    """Its configuration, as far as it is known."""
    there = {parts.module_name(file) for file in build.parts.files} | (build.builtin or set())
    absent = [name for name in modules if name not in there]
    if build.builtin is not None and absent:
        raise UsageError(f"{path} has neither built in nor as a module: {', '.join(absent)}")
    if build.config is None or not build.config.exists():
        return {}
    has = config.read(build.config)
    if lacks := config.lacks(has, config.read(_FOR_LAB)):
        raise UsageError(f"{path} cannot boot in the lab: it lacks {', '.join(lacks)} ({_FOR_LAB})")
    if lacks := config.lacks(has, config.read(_FOR_SUITE)):
        progress.note(f"{path} lacks what tests need: {', '.join(lacks)} ({_FOR_SUITE})")
    return has
