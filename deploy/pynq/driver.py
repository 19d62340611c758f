"""Runs a Qloom accelerator from Python: NumPy arrays in, NumPy arrays out.

    from driver import Accelerator
    accelerator = Accelerator("qloom.bit")
    y = accelerator.execute(x)          # x: (frames, ...) as the model takes it; y: (frames, ...) as the model gives it

Everything that depends on the network stands in model.json beside this file.
"""

import json
import os
import time

import numpy as np
from pynq import Overlay, allocate



def _unsigned(bits):
    return np.dtype("uint%d" % bits)


class _Port:
    """One stream of the accelerator: frames of integers <-> rows of bytes."""

    def __init__(self, facts):
        self.elements = facts["elements"]
        self.beats = facts["beats"]
        self.elements_per_beat = facts["elements_per_beat"]
        self.element_bits = facts["element_bits"]
        self.beat_bytes = facts["data_bits"] // 8
        self.bits = facts["bits"]
        self.signed = facts["signed"]
        self.frame_bytes = self.beats * self.beat_bytes
        # Whole bytes without padding: an element is an element of an array.
        self.is_array = (
            self.element_bits in (8, 16, 32, 64)
            and self.elements_per_beat * self.element_bits == 8 * self.beat_bytes
        )

    def pack(self, integers):
        """(frames, elements) integers -> (frames, frame_bytes) uint8."""
        frames = integers.shape[0]
        if self.is_array:
            return integers.astype(_unsigned(self.element_bits)).view(np.uint8).reshape(frames, self.frame_bytes)
        # Bit k of a beat is bit k of its bytes, low byte first.
        words = integers.astype(np.int64).astype(np.uint64)
        shifts = np.arange(self.element_bits, dtype=np.uint64)
        bits = ((words[..., None] >> shifts) & np.uint64(1)).astype(np.uint8)
        beats = np.zeros((frames, self.beats, 8 * self.beat_bytes), np.uint8)
        used = self.elements_per_beat * self.element_bits
        beats[:, :, :used] = bits.reshape(frames, self.beats, used)
        return np.packbits(beats, axis=-1, bitorder="little").reshape(frames, self.frame_bytes)

    def unpack(self, rows):
        """(frames, frame_bytes) uint8 -> (frames, elements) integers."""
        frames = rows.shape[0]
        if self.is_array:
            kind = np.dtype(("int%d" if self.signed else "uint%d") % self.element_bits)
            return np.ascontiguousarray(rows).view(kind).reshape(frames, self.elements)
        beats = np.unpackbits(rows.reshape(frames, self.beats, self.beat_bytes), axis=-1, bitorder="little")
        used = self.elements_per_beat * self.element_bits
        bits = beats[:, :, :used].reshape(frames, self.elements, self.element_bits).astype(np.int64)
        values = (bits << np.arange(self.element_bits, dtype=np.int64)).sum(axis=-1)
        if self.signed:
            values -= (values >> (self.element_bits - 1)) << self.element_bits
        return values


class Accelerator(Overlay):
    """The overlay with its one accelerator. `batch_size` frames travel in one DMA transfer."""

    def __init__(self, bitfile=None, batch_size=100, download=True, model=None):
        here = os.path.dirname(os.path.abspath(__file__))
        if bitfile is None:
            bitfile = os.path.join(here, "qloom.bit")
        with open(model or os.path.join(here, "model.json")) as stream:
            self.facts = json.load(stream)
        super().__init__(bitfile, download=download)
        self.dma = getattr(self, self.facts["dma"]["name"])
        self._input = self.facts["input"]
        self._output = self.facts["output"]
        self.input_port = _Port(self._input)
        self.output_port = _Port(self._output)
        self._buffers = None
        self.batch_size = batch_size

    # ---- shapes --------------------------------------------------------------------------------------------------------

    @property
    def input_shape(self):
        """Of one frame, as the model takes it."""
        return tuple(self._input["shape"])

    @property
    def output_shape(self):
        """Of one frame, as the model gives it."""
        return tuple(self._output["shape"])

    @property
    def batch_size(self):
        return self._batch_size

    @batch_size.setter
    def batch_size(self, frames):
        most = self.facts["dma"]["max_bytes"] // max(self.input_port.frame_bytes, self.output_port.frame_bytes)
        if not 1 <= frames <= most:
            raise ValueError("batch_size must be from 1 to %d, not %r" % (most, frames))
        self.free()
        self._batch_size = frames
        self._buffers = (
            allocate(shape=(frames, self.input_port.frame_bytes), dtype=np.uint8),
            allocate(shape=(frames, self.output_port.frame_bytes), dtype=np.uint8),
        )
        end = self.facts["dma"]["address_end"]
        for buffer in self._buffers:
            if buffer.device_address + buffer.nbytes > end:
                raise MemoryError("a buffer lies at 0x%x, beyond what the DMA reaches (0x%x)" % (buffer.device_address, end))

    @property
    def input_buffer(self):
        """(batch_size, bytes of a frame): what execute_on_buffers() sends."""
        return self._buffers[0]

    @property
    def output_buffer(self):
        """(batch_size, bytes of a frame): what execute_on_buffers() receives."""
        return self._buffers[1]

    def free(self):
        """Gives the DMA buffers back; setting batch_size makes new ones."""
        for buffer in self._buffers or ():
            buffer.freebuffer()
        self._buffers = None

    # ---- numbers -----------------------------------------------------------------------------------------------------------

    def to_integers(self, x):
        """The model's input -> the integers that enter the hardware, (frames, elements)."""
        facts = self._input
        if facts["host_before"]:
            raise NotImplementedError(
                "the model computes %s before the hardware: do that yourself and give the integers to execute_integers()"
                % ", ".join(facts["host_before"])
            )
        x = np.asarray(x)
        if x.ndim < 1 or x[:1].size not in (0, self.input_port.elements):
            raise ValueError("frames must have shape %r, not %r" % (self.input_shape, x.shape[1:]))
        rows = x.reshape(x.shape[0], -1)
        if facts["order"]:
            rows = rows[:, facts["order"]]
        quantiser = facts["quantiser"]
        if quantiser is not None:
            # In single precision, as the model computes it; np.rint rounds ties to even.
            zero_point = np.float32(quantiser["zero_point"])
            levels = np.rint(rows.astype(np.float32) / np.float32(quantiser["scale"]) + zero_point)
            levels = np.clip(levels, quantiser["low"], quantiser["high"])
            rows = (levels - zero_point) * np.float32(quantiser["scale"])
        plain = facts["scale"] == [1.0] and facts["bias"] == [0.0]
        if plain and rows.dtype.kind in "iub":
            integers = rows
        else:
            count = rows.shape[1]
            exact = (rows.astype(np.float64) - self._each(facts["bias"], count)) / self._each(facts["scale"], count)
            integers = np.rint(exact)
            if np.abs(exact - integers).max(initial=0.0) > 0.01:
                raise ValueError("the frames hold values between the integers that the model takes")
            integers = integers.astype(np.int64)
        low, high = facts["range"]
        if integers.size and (integers.min() < low or integers.max() > high):
            raise ValueError(
                "the frames hold integers from %d to %d; the model takes %d to %d"
                % (integers.min(), integers.max(), low, high)
            )
        return integers

    def to_outputs(self, integers):
        """The integers that leave the hardware, (frames, elements) -> the model's output."""
        facts = self._output
        values = integers.astype(np.int64)
        if not facts["integer"]:
            count = values.shape[1]
            values = (values * self._each(facts["scale"], count) + self._each(facts["bias"], count)).astype(np.float32)
        if facts["order"]:
            back = np.empty_like(values)
            back[:, facts["order"]] = values
            values = back
        return values.reshape((-1,) + self.output_shape)

    def labels(self, outputs):
        """The class of each frame: the model's own choice, or its largest output."""
        outputs = np.asarray(outputs)
        flat = outputs.reshape(outputs.shape[0], -1)
        return flat[:, 0].astype(np.int64) if flat.shape[1] == 1 else flat.argmax(axis=1)

    @staticmethod
    def _each(values, elements):
        # One value for all elements, or one a channel: channels are what changes fastest in a stream.
        return np.resize(np.asarray(values, np.float64), elements)

    # ---- running ---------------------------------------------------------------------------------------------------------------

    def execute_on_buffers(self, frames=None):
        """Runs the first `frames` frames of input_buffer (all unless given) and waits; results are in output_buffer."""
        frames = self.batch_size if frames is None else frames
        if not 1 <= frames <= self.batch_size:
            raise ValueError("frames must be from 1 to %d, not %r" % (self.batch_size, frames))
        receive = self.dma.recvchannel
        send = self.dma.sendchannel
        # The receiving side first: results come while frames still go out.
        receive.transfer(self.output_buffer, nbytes=frames * self.output_port.frame_bytes)
        send.transfer(self.input_buffer, nbytes=frames * self.input_port.frame_bytes)
        send.wait()
        receive.wait()
        if receive.transferred != frames * self.output_port.frame_bytes:
            raise RuntimeError(
                "%d bytes came back in place of %d: is this the bitstream of this model.json?"
                % (receive.transferred, frames * self.output_port.frame_bytes)
            )

    def execute_integers(self, integers):
        """(frames, elements) integers in the order of the stream -> (frames, elements) integers."""
        integers = np.asarray(integers)
        if integers.ndim != 2 or integers.shape[1] != self.input_port.elements:
            raise ValueError("integers must be (frames, %d), not %r" % (self.input_port.elements, integers.shape))
        results = []
        for first in range(0, integers.shape[0], self.batch_size):
            part = integers[first : first + self.batch_size]
            self.input_buffer[: part.shape[0]] = self.input_port.pack(part)
            self.execute_on_buffers(part.shape[0])
            results.append(self.output_port.unpack(np.array(self.output_buffer[: part.shape[0]])))
        if not results:
            return np.zeros((0, self.output_port.elements), np.int64)
        return np.concatenate(results)

    def execute(self, x):
        """The model: (frames, ...) in, (frames, ...) out. Where operators stay on the host after the hardware
        (facts["output"]["host_after"]), what is returned is their input."""
        return self.to_outputs(self.execute_integers(self.to_integers(x)))

    def throughput_test(self, repeats=10):
        """Times whole batches of whatever is in the buffers. Returns a dictionary."""
        self.input_buffer[:] = 0
        self.execute_on_buffers()
        start = time.perf_counter()
        for _ in range(repeats):
            self.execute_on_buffers()
        seconds = time.perf_counter() - start
        frames = repeats * self.batch_size
        zeros = np.zeros((self.batch_size, self.input_port.elements), np.int64)
        start = time.perf_counter()
        self.input_buffer[:] = self.input_port.pack(zeros)
        pack_seconds = time.perf_counter() - start
        start = time.perf_counter()
        self.output_port.unpack(np.array(self.output_buffer))
        unpack_seconds = time.perf_counter() - start
        return {
            "batch_size": self.batch_size,
            "frames": frames,
            "seconds": seconds,
            "frames_per_second": frames / seconds,
            "microseconds_per_batch": seconds / repeats * 1e6,
            "bytes_in_per_second": frames * self.input_port.frame_bytes / seconds,
            "bytes_out_per_second": frames * self.output_port.frame_bytes / seconds,
            "pack_milliseconds": pack_seconds * 1e3,
            "unpack_milliseconds": unpack_seconds * 1e3,
            "accelerator_frames_per_second": self.facts["fps"],
        }


def main():
    """Runs the frames of samples.npy and compares with what the integer engine computed."""
    here = os.path.dirname(os.path.abspath(__file__))
    accelerator = Accelerator()
    integers = np.load(os.path.join(here, "samples.npy"))
    expected = np.load(os.path.join(here, "expected.npy"))
    found = accelerator.execute_integers(integers)
    equal = int((found == expected).all(axis=1).sum())
    print("%d of %d frames equal the integer engine's" % (equal, len(expected)))
    print("labels:", *accelerator.labels(accelerator.to_outputs(found)))
    for name, value in accelerator.throughput_test().items():
        print("%s: %.6g" % (name, value))
    return 0 if equal == len(expected) else 1


if __name__ == "__main__":
    raise SystemExit(main())
