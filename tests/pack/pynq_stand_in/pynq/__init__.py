"""As much of PYNQ as the generated driver uses, over the verilated system that the environment names.

Memory is as on the board: a buffer has the processor's view and the DMA's, and only flush() and invalidate() move bytes
between them.
"""

import ctypes
import json
import os

import numpy as np

_BASE = 0x10000000
_BYTES = 1 << 22
_ALIGNMENT = 4096

_library = ctypes.CDLL(os.environ["QLOOM_SYSTEM_LIBRARY"])
_library.qs_open.restype = ctypes.c_void_p
_library.qs_open.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_uint64, ctypes.c_uint64]
_library.qs_memory.restype = ctypes.POINTER(ctypes.c_uint8)
_library.qs_memory.argtypes = [ctypes.c_void_p]
_library.qs_error.restype = ctypes.c_char_p
_library.qs_read.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.POINTER(ctypes.c_uint32)]
_library.qs_write.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint32]
_library.qs_run.argtypes = [ctypes.c_void_p, ctypes.c_uint64]

_system = _library.qs_open(
    os.environ["QLOOM_SYSTEM_MODEL"].encode(), os.environ["QLOOM_SYSTEM_DATA"].encode(), _BASE, _BYTES
)
if not _system:
    raise RuntimeError(_library.qs_error().decode())
_ddr = np.ctypeslib.as_array(_library.qs_memory(_system), shape=(_BYTES,))


def _checked(result):
    if result != 0:
        raise RuntimeError(_library.qs_error().decode())


class MMIO:
    def read(self, offset):
        value = ctypes.c_uint32()
        _checked(_library.qs_read(_system, offset, ctypes.byref(value)))
        return value.value

    def write(self, offset, value):
        _checked(_library.qs_write(_system, offset, value))

    def run(self, cycles):
        _checked(_library.qs_run(_system, cycles))


class PynqBuffer(np.ndarray):
    """`device_address` is where the DMA sees it."""

    def __array_finalize__(self, origin):
        self.device_address = getattr(origin, "device_address", None)

    def _device_view(self):
        first = self.device_address - _BASE
        return _ddr[first : first + self.nbytes]

    def flush(self):
        self._device_view()[:] = self.view(np.ndarray).reshape(-1).view(np.uint8)

    def invalidate(self):
        self.view(np.ndarray).reshape(-1).view(np.uint8)[:] = self._device_view()

    def freebuffer(self):
        live.remove(self.device_address)


live = set()  # addresses of the buffers in use
_next = _BASE


def allocate(shape, dtype="u4"):
    global _next
    buffer = np.full(shape, 0xA5, dtype).view(PynqBuffer)
    buffer.device_address = _next
    _next += (buffer.nbytes + _ALIGNMENT - 1) // _ALIGNMENT * _ALIGNMENT
    if _next > _BASE + _BYTES:
        raise MemoryError("the stand-in has %d bytes" % _BYTES)
    live.add(buffer.device_address)
    return buffer


class Overlay:
    def __init__(self, bitfile_name, download=True):
        if not str(bitfile_name).endswith(".bit"):
            raise RuntimeError("no bitstream: %s" % bitfile_name)
        from pynq.lib.dma import DMA

        # The cells of vivado/build.tcl.
        with open(os.environ["QLOOM_SYSTEM_DESIGN"]) as stream:
            self.ip_dict = json.load(stream)
        for name, description in self.ip_dict.items():
            setattr(self, name, DMA(description))
