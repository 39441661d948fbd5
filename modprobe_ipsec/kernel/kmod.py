# SPDX-License-Identifier: GPL-3.0-or-later
"""libkmod, the library behind modprobe: the only place that may put a module into the kernel.

kmodpy finds the library in odd places; its own `Kmod` class inserts without dependencies and loses
errno, so the calls are declared here anew. Dependencies, soft dependencies, options, `install`
lines and blacklists are libkmod's business: they are carried out as the admin wrote them.
"""

import ctypes
import os

from modprobe_ipsec.base.annotations import Any, Callable, TracebackType
from modprobe_ipsec.base.errors import Error
from modprobe_ipsec.kernel import BLACKLISTED

_SIGNATURES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "kmod_new": (ctypes.c_void_p, (ctypes.c_char_p, ctypes.c_void_p)),
    "kmod_unref": (ctypes.c_void_p, (ctypes.c_void_p,)),
    "kmod_set_log_priority": (None, (ctypes.c_void_p, ctypes.c_int)),
    "kmod_load_resources": (ctypes.c_int, (ctypes.c_void_p,)),
    "kmod_module_new_from_name": (
        ctypes.c_int,
        (ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(ctypes.c_void_p)),
    ),
    "kmod_module_unref": (ctypes.c_void_p, (ctypes.c_void_p,)),
    "kmod_module_remove_module": (ctypes.c_int, (ctypes.c_void_p, ctypes.c_uint)),
    "kmod_module_probe_insert_module": (
        ctypes.c_int,
        (
            ctypes.c_void_p,
            ctypes.c_uint,
            ctypes.c_char_p,
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.c_void_p,
        ),
    ),
}


class NoLibkmod(Error):
    """libkmod.so.2 is not installed: nothing can be loaded."""

    def __init__(self) -> None:
        super().__init__(
            "libkmod.so.2 is missing, so no module can be loaded",
            "install libkmod (Debian, Ubuntu: libkmod2; Fedora, RHEL: kmod-libs)",
        )


def _library() -> ctypes.CDLL:
    """Open libkmod on a handle of our own, so that no signature is shared with kmodpy's."""
    try:
        library = _open()
        for function, (result, arguments) in _SIGNATURES.items():
            getattr(library, function).restype = result
            getattr(library, function).argtypes = arguments
    except (ImportError, OSError, AttributeError):
        raise NoLibkmod from None
    return library


def _open() -> ctypes.CDLL:
    try:
        # The SONAME is libkmod's own promise that these functions stay as they are.
        return ctypes.CDLL("libkmod.so.2")
    except OSError:
        # Runs ldconfig and, if that knows nothing, a compiler: not what to do first as root.
        from kmodpy._libkmod import kmod

        return ctypes.CDLL(str(kmod._name))


class Kmod:
    """A libkmod context for the running kernel; use as a context manager.

    Raises NoLibkmod where the library is missing.
    """

    def __init__(self) -> None:
        self._lib = _library()
        self._ctx: int | None = None

    def __enter__(self) -> "Kmod":
        # None, None: /lib/modules of the running kernel, modprobe.d in its usual places
        self._ctx = self._lib.kmod_new(None, None)
        if not self._ctx:
            raise NoLibkmod
        # Its own words on stderr would only repeat ours: every failure comes back as a number.
        self._lib.kmod_set_log_priority(self._ctx, 0)
        self._lib.kmod_load_resources(self._ctx)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._ctx:
            self._lib.kmod_unref(self._ctx)
            self._ctx = None

    def load(self, name: str) -> int:
        """Load a module and what it depends on, as `modprobe -b NAME` would.

        `name` is a module's name, never a path or an alias. Returns 0, a positive errno, or
        `BLACKLISTED`. **0 proves nothing** (`install NAME /bin/true`): read the state back.
        """
        # The blacklist counts for dependencies too: what the admin forbade is not to slip in
        # behind something else. The same value comes back if nothing was left to load.
        insert = self._lib.kmod_module_probe_insert_module
        return self._with(name, lambda module: insert(module, BLACKLISTED, None, None, None, None))

    def unload(self, name: str) -> int:
        """Take a module out again that nothing uses; never by force. Returns 0 or an errno."""
        remove = self._lib.kmod_module_remove_module
        return self._with(name, lambda module: remove(module, os.O_NONBLOCK))

    def _with(self, name: str, call: Callable[[ctypes.c_void_p], int]) -> int:
        if not (name.isascii() and name.replace("_", "").isalnum()):
            raise ValueError(name)
        module = ctypes.c_void_p()
        code = self._lib.kmod_module_new_from_name(
            self._ctx, os.fsencode(name), ctypes.byref(module)
        )
        if code < 0:
            return -int(code)
        try:
            code = call(module)
        finally:
            self._lib.kmod_module_unref(module)
        return abs(int(code))
