"""The isolation of one program: namespaces of Linux, limits, and the end of all that it started.

This file runs as a program of its own, by path, and imports nothing of ours: `sandbox.py` starts it with a file that
says what is to be run. It reports on a pipe, in one line: `exit 0`, `signal 9`, or `failed` and why nothing was run.
Without a pipe it is in the program's place: it has the program's input, output and end, and adds words to its command.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import resource
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

# linux/sched.h, sys/mount.h, linux/prctl.h
_NEW_NAMESPACES = sum((0x10000000, 0x00020000, 0x20000000, 0x40000000, 0x08000000, 0x04000000))
"""Users, mounts, processes, networks, System V objects, names of the host."""

_READ_ONLY, _NO_SUID, _NO_DEVICES, _NO_EXEC = 1, 2, 4, 8
_REMOUNT, _BIND, _RECURSIVE, _PRIVATE = 32, 4096, 16384, 1 << 18
_KEPT_FLAGS = (
    {os.ST_NOEXEC: _NO_EXEC, os.ST_NOATIME: 1024, os.ST_NODIRATIME: 2048, os.ST_RELATIME: 1 << 21}
    if (sys.platform == "linux")
    else {}
)
_DETACH = 2
_END_WITH_PARENT, _NO_NEW_PRIVILEGES, _TAKE_ORPHANS = 1, 38, 36

_MOST_PROCESSES = 4096
_DEVICES = ("null", "zero", "full", "random", "urandom")
_LINKS = {"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2"}
_SYSTEM = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/usr")
_SETTINGS = ("/etc/ld.so.cache", "/etc/alternatives")
"""What of /etc programs of the system need to start at all."""


_NO_REPORT = -1
_NOT_STARTED = 127


def main(plan_file: str, report: int) -> None:
    """Run what a file of JSON says; end when the program and all that it started have ended."""
    os.set_inheritable(report, False)
    _run(json.loads(Path(plan_file).read_text(encoding="utf-8")), report)


def stand_in(plan: dict[str, Any], words: list[str]) -> NoReturn:
    """Run what a plan says, with further words, and end as it ends, by the same signal too."""
    plan["command"] += words
    code = _run(plan, _NO_REPORT)
    if code - 128 in set(signal.valid_signals()):
        _limit(resource.RLIMIT_CORE, 0)
        with suppress(OSError):
            signal.signal(code - 128, signal.SIG_DFL)
        os.kill(os.getpid(), code - 128)
    os._exit(code)


def _run(plan: dict[str, Any], report: int) -> int:
    """Run a plan; return how its program ended as shells have it: its code, or 128 and the number of a signal."""
    try:
        child = _start_inside(plan, report) if plan["root"] else _start_watched(plan)
    except OSError as error:
        _say(report, f"failed {error.filename or 'fork'}: {error.strerror}")
        return _NOT_STARTED
    _, status = os.waitpid(child, 0)
    if not plan["root"]:
        _say(report, _ending(status))
        _end_children()
    return _code(status)


def _say(report: int, text: str) -> None:
    """Report how it ended; who stands in for the program says of itself alone why nothing was run."""
    if report == _NO_REPORT and not text.startswith("failed "):
        return
    os.write(2 if report == _NO_REPORT else report, text.encode("utf-8", "replace")[:500] + b"\n")


def _code(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _ending(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return f"exit {code}" if code >= 0 else f"signal {-code}"


def _start_watched(plan: dict[str, Any]) -> int:
    """Start the program; whatever it leaves behind becomes a child of this process, where the system has that."""
    if sys.platform == "linux":
        _prctl(_TAKE_ORPHANS, 1)
        _prctl(_END_WITH_PARENT, signal.SIGTERM)
    signal.signal(signal.SIGTERM, _stop)
    child = os.fork()
    if not child:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        _become(plan)
    return child


def _stop(*_: object) -> NoReturn:
    _end_children()
    os._exit(1)


def _end_children() -> None:
    """Kill all that descends from this process, those too that were orphaned meanwhile."""
    while children := _children():
        for child in children:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(child, signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(-1, 0)
    with suppress(ProcessLookupError, PermissionError):
        # where orphans are not ours: what stayed in the group, this process as the last
        os.killpg(0, signal.SIGKILL)


def _children() -> list[int]:
    found = []
    for entry in sorted(Path("/proc").glob("[0-9]*/stat")):
        with suppress(OSError, ValueError, IndexError):
            if int(entry.read_text(errors="replace").rpartition(")")[2].split()[1]) == os.getpid():
                found.append(int(entry.parent.name))
    return found


def _start_inside(plan: dict[str, Any], report: int) -> int:
    """Start process 1 of new namespaces, with which all that is in them ends. Raises `OSError`."""
    user, group = os.geteuid(), os.getegid()
    _check(_libc().unshare(_NEW_NAMESPACES), "unshare")
    with suppress(FileNotFoundError):
        _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{plan['uid']} {user} 1")
    _write("/proc/self/gid_map", f"{plan['uid']} {group} 1")
    _prctl(_END_WITH_PARENT, signal.SIGKILL)
    child = os.fork()
    if not child:
        _be_first(plan, report)
    return child


def _be_first(plan: dict[str, Any], report: int) -> NoReturn:
    try:
        _prctl(_END_WITH_PARENT, signal.SIGKILL)
        socket.sethostname(plan["host"])
        _end_early()
        _furnish(plan)
        child = os.fork()
        if not child:
            _become(plan)
    except OSError as error:
        _say(report, f"failed {error.filename or 'namespace'}: {error.strerror}")
        os._exit(_NOT_STARTED)
    ended, status = 0, 0
    while ended != child:
        ended, status = os.waitpid(-1, 0)
    _say(report, _ending(status))
    os._exit(_code(status))


def _furnish(plan: dict[str, Any]) -> None:
    """Make a root that has the system and Python to read, the folder of the work, and nothing else."""
    _mount(None, "/", None, _RECURSIVE | _PRIVATE)
    root: str = plan["root"]
    _mount("tmpfs", root, "tmpfs", _NO_SUID | _NO_DEVICES, "size=64m,mode=0755")
    for path in (*_SYSTEM, *plan["readable"], *_SETTINGS) if plan["system"] else ():
        _show(root, path)
    _make_devices(root)
    for name, text in plan["files"].items():
        place = Path(root + name)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    for path, content in plan["writable"].items():
        _bind(content, root, path)
    for path in plan["kept"]:
        _bind(path, root, path)
        _protect(root + path)
    Path(f"{root}/proc").mkdir()
    _show_processes(f"{root}/proc")
    os.chdir(root)
    _check(_libc().pivot_root(b".", b"."), "pivot_root")
    _check(_libc().umount2(b".", _DETACH), "umount")
    os.chdir("/")
    _mount(None, "/", None, _REMOUNT | _BIND | _READ_ONLY | _NO_SUID | _NO_DEVICES)


def _show_processes(place: str) -> None:
    """Show the processes of these namespaces; what is set there is for reading, since some of it is the machine's.

    The kernel lets root of the machine write to /proc/sys without any capability, whatever root is called inside.
    """
    # a container may hide parts of /proc, and then nobody gets a fresh one: there is none, then
    with suppress(OSError):
        _mount("proc", place, "proc", _NO_SUID | _NO_DEVICES | _NO_EXEC | _READ_ONLY)


def _show(root: str, path: str) -> None:
    """Make a path of the system readable under a root: a link as a link, a folder as it is."""
    if not os.path.lexists(path):
        return
    place = Path(root + path)
    if os.path.lexists(place):
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    if Path(path).is_symlink() and path in _SYSTEM:
        place.symlink_to(Path(path).readlink())
        return
    _bind(path, root, path)
    _protect(root + path)


def _make_devices(root: str) -> None:
    for name in _DEVICES:
        _bind(f"/dev/{name}", root, f"/dev/{name}")
    for name, target in _LINKS.items():
        Path(f"{root}/dev/{name}").symlink_to(target)
    shared = f"{root}/dev/shm"  # noqa: S108  it is made here
    Path(shared).mkdir()
    _mount("tmpfs", shared, "tmpfs", _NO_SUID | _NO_DEVICES, "size=256m,mode=1777")


def _bind(source: str, root: str, path: str) -> None:
    place = Path(root + path)
    if not place.exists():
        if Path(source).is_dir():
            place.mkdir(parents=True)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch()
    _mount(source, str(place), None, _BIND | _RECURSIVE)


def _protect(path: str) -> None:
    """Make what is mounted at a path and below it read-only, with the flags that nobody may take away."""
    mounted = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()]
    for place in sorted({_unescaped(each) for each in mounted}):
        if place == path or place.startswith(f"{path}/"):
            kept = sum(flag for found, flag in _KEPT_FLAGS.items() if os.statvfs(place).f_flag & found)
            _mount(None, place, None, _REMOUNT | _BIND | _READ_ONLY | _NO_SUID | _NO_DEVICES | kept)


def _unescaped(path: str) -> str:
    """Return a path of mountinfo, where blanks are written as numbers (proc(5))."""
    for number, character in (("040", " "), ("011", "\t"), ("012", "\n"), ("134", "\\")):
        path = path.replace(f"\\{number}", character)
    return path


def _become(plan: dict[str, Any]) -> NoReturn:
    """Become the program, with its limits. Never returns."""
    try:
        if sys.platform == "linux":
            _prctl(_NO_NEW_PRIVILEGES, 1)
        if plan["root"]:
            os.setsid()
        if not plan["root"]:
            _end_early()
        os.umask(plan["umask"])
        # no limit of address space: programs reserve far more than they use, and each process would have its own
        _limit(resource.RLIMIT_FSIZE, plan["file_bytes"])
        _limit(resource.RLIMIT_CORE, 0)
        if plan["root"]:  # elsewhere all processes of the user count
            _limit(resource.RLIMIT_NPROC, _MOST_PROCESSES)
        for number in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        os.chdir(plan["folder"])
        os.execve(plan["command"][0], plan["command"], plan["environment"])  # noqa: S606  a list of words
    except OSError as error:
        os.write(2, f"{error}\n".encode("utf-8", "replace"))
    finally:
        os._exit(127)


def _end_early() -> None:
    """Have this process, and what it starts, end first where memory ends."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def _limit(what: int, most: int) -> None:
    hard = resource.getrlimit(what)[1]
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(what, (most, most))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _prctl(option: int, value: int) -> None:
    _check(_libc().prctl(option, *map(ctypes.c_ulong, (value, 0, 0, 0))), "prctl")


def _mount(source: str | None, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    words = (None if each is None else os.fsencode(each) for each in (source, target, kind))
    done = _libc().mount(*words, ctypes.c_ulong(flags), None if options is None else options.encode())
    _check(done, f"mount {target.rpartition('/')[2] or '/'}")


def _check(result: int, what: str) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)


def _write(path: str, text: str) -> None:
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise OSError(error.errno or errno.EPERM, os.strerror(error.errno or errno.EPERM), path) from None


if __name__ == "__main__":
    if sys.argv[1] == "--stand-in":
        stand_in(json.loads(sys.argv[2]), sys.argv[3:])
    main(sys.argv[1], int(sys.argv[2]))
